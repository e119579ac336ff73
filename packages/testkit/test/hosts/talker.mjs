// Two ends of a connection, for tests of networks: `talker.mjs listen`, and `talker.mjs talk HOST`, which prints what becomes
// of what it says, twenty times a second.
import { connect, createServer } from 'node:net';
import { setInterval } from 'node:timers';

const PORT = 5000;
const INTERVAL_MS = 50;
const [, , role, host] = process.argv;

if (role === 'listen') {
  createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.pipe(socket);
  }).listen(PORT, () => console.log('listening'));
} else {
  const socket = connect({ host, port: PORT });
  socket.on('connect', () => console.log(`connected from ${socket.localAddress}`));
  socket.on('data', () => console.log('answered'));
  socket.on('error', (error) => console.log(`lost: ${error.code}`));
  socket.on('close', () => process.exit(0));
  setInterval(() => socket.write('x'), INTERVAL_MS);
}
