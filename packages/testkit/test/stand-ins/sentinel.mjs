// Stands in for the sidecar where the testkit itself is tested: answers, and changes nothing.
import { createServer } from 'node:net';

const flag = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];
const identity = { pod: flag('pod-name'), uid: flag('pod-uid'), incarnation: String(process.pid) };
const status = JSON.stringify({ v: 1, cluster: 'c', from: identity, term: 7, leaseHolder: null, master: null });

createServer((socket) => {
  socket.on('error', () => socket.destroy());
  socket.on('data', (data) => {
    // One command at a time is all that the testkit sends here.
    const command = data.toString().split('\r\n')[2]?.toUpperCase();
    if (command === 'PEER') socket.write(`$${Buffer.byteLength(status)}\r\n${status}\r\n`);
    else socket.write(command === 'AUTH' ? '+OK\r\n' : '+PONG\r\n');
  });
}).listen(Number(flag('port')), flag('pod-ip'), () => {
  console.log(JSON.stringify({ level: 'info', message: 'listening', argv: process.argv.slice(2) }));
});
