// One-way messages, for tests of networks: `datagrams.mjs hear` prints how many came, `datagrams.mjs say HOST COUNT` sends them.
import { createSocket } from 'node:dgram';
import { clearInterval, setInterval } from 'node:timers';

const PORT = 5001;
const INTERVAL_MS = 1;
const [, , role, host, count] = process.argv;
const socket = createSocket('udp4');

if (role === 'hear') {
  let heard = 0;
  socket.on('message', () => console.log(`heard ${++heard}`));
  socket.bind(PORT, () => console.log('listening'));
} else {
  let left = Number(count);
  const timer = setInterval(() => {
    if (left-- > 0) socket.send('x', PORT, host);
    else {
      clearInterval(timer);
      socket.close();
    }
  }, INTERVAL_MS);
}
