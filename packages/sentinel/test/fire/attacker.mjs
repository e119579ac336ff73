// A hostile network, as a process of its own: plays recorded and made-up streams against all targets at once, in every way
// that has a name below, until it is told to stop. Prints what it has done as JSON.
// Usage: node attacker.mjs STREAMS_FILE TARGET... (a target is HOST:PORT)
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';

const [, , file, ...targetTexts] = process.argv;
/** Streams by kind, each in base64. */
const streams = JSON.parse(readFileSync(file, 'utf8'));
const load = (kind) => streams[kind].map((text) => Buffer.from(text, 'base64'));
const garbage = load('garbage');
const peer = load('peer');
const targets = targetTexts.map((text) => ({ host: text.split(':')[0], port: Number(text.split(':')[1]) }));

let isOver = false;
const open = new Set();
const done = { connections: 0, requests: 0, megabytes: 0 };
const any = (list) => list[Math.floor(Math.random() * list.length)];
const below = (max) => Math.floor(Math.random() * max);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Own addresses, so that the peers' own (127.0.0.1 here) is not the only one; and that one as well. */
const greedy = () => '127.66.0.1';
const scattered = () => `127.66.${1 + below(200)}.${1 + below(250)}`;
const thePeersOwn = () => '127.0.0.1';

function dial({ host, port }, from) {
  const socket = connect({ host, port, localAddress: from });
  socket.setNoDelay(true);
  done.connections += 1;
  open.add(socket);
  socket.on('error', () => undefined);
  socket.on('close', () => open.delete(socket));
  return socket;
}

const closed = (socket) => new Promise((resolve) => socket.once('close', resolve));
const connected = (socket) =>
  new Promise((resolve) => socket.once('connect', () => resolve(true)).once('close', () => resolve(false)));

function write(socket, bytes) {
  done.megabytes += bytes.length / 1e6;
  return socket.destroyed ? false : socket.write(bytes);
}

/** Writes as fast as it is taken. */
async function pour(socket, chunk, requests) {
  const end = closed(socket);
  while (!isOver && !socket.destroyed) {
    done.requests += requests;
    if (!write(socket, chunk)) {
      const drained = new Promise((resolve) => socket.once('drain', resolve));
      await Promise.race([drained, end]);
    } else await pause(0);
  }
}

const encode = (...words) =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`);
const times = (count, bytes) => Buffer.concat(Array.from({ length: count }, () => bytes));

/** Each takes one target, and goes on until it is over. */
const ways = {
  /** Streams of nonsense, in pieces of any size. */
  async garbage(target) {
    const socket = dial(target, scattered());
    socket.resume();
    if (!(await connected(socket))) return pause(20);
    for (let bytes = any(garbage); bytes.length > 0 && !socket.destroyed;) {
      const size = 1 + below(any([3, 100, 5000]));
      write(socket, bytes.subarray(0, size));
      bytes = bytes.subarray(size);
      if (below(4) === 0) await pause(below(5));
    }
    await pause(below(50));
    if (below(2) === 0) socket.resetAndDestroy();
    else socket.end();
    await Promise.race([closed(socket), pause(200)]);
    socket.destroy();
  },
  /** PEER messages of other clusters, of strangers, of older terms, broken ones. */
  async peers(target) {
    const socket = dial(target, any([scattered, thePeersOwn])());
    socket.resume();
    if (!(await connected(socket))) return pause(20);
    for (let count = 0; count < 50 && !socket.destroyed && !isOver; count += 1) {
      done.requests += 1;
      write(socket, any(peer));
      await pause(below(10));
    }
    socket.destroy();
  },
  /** Comes, and goes at once. */
  async churn(target) {
    const socket = dial(target, any([greedy, scattered, thePeersOwn])());
    await connected(socket);
    socket.destroy();
    await pause(5);
  },
  /** Comes to stay: more than there are places. */
  async hoard(target) {
    const socket = dial(target, any([greedy, greedy, thePeersOwn])());
    socket.resume();
    const end = closed(socket);
    while (!isOver && !socket.destroyed) {
      done.requests += 1;
      write(socket, encode('PING'));
      await Promise.race([end, pause(2000 + below(2000))]);
    }
    await pause(500 + below(500));
  },
  /** Half a request, a byte now and then. */
  async slow(target) {
    const socket = dial(target, scattered());
    socket.resume();
    write(socket, Buffer.from('*1\r\n$60000\r\n'));
    while (!isOver && !socket.destroyed) {
      write(socket, Buffer.from('x'));
      await pause(300);
    }
    await pause(300);
  },
  /** Almost a whole great request, to be kept. */
  async great(target) {
    const socket = dial(target, any([greedy, scattered])());
    socket.resume();
    write(socket, Buffer.concat([Buffer.from('*2\r\n$65536\r\n'), Buffer.alloc(65_530, 'x')]));
    await Promise.race([closed(socket), pause(5000)]);
    socket.destroy();
    await pause(200);
  },
  /** Endless pipelines, whose answers are read. */
  async flood(target) {
    const socket = dial(target, any([greedy, thePeersOwn])());
    socket.resume();
    const [chunk, requests] = any([
      [times(10_000, Buffer.from('PING\r\n')), 10_000],
      [times(500, encode('SENTINEL', 'MASTERS')), 500],
      [times(500, encode('PEER', 'STATUS')), 500],
      [times(20, any(peer)), 20],
    ]);
    await pour(socket, chunk, requests);
    await pause(50);
  },
  /** Endless pipelines, whose answers are not read. */
  async deaf(target) {
    const socket = dial(target, scattered());
    socket.pause();
    await pour(socket, times(500, encode('PEER', 'STATUS')), 500);
    await pause(50);
  },
  /** Subscribes to everything, and reads nothing. */
  async listener(target) {
    const socket = dial(target, any([greedy, scattered])());
    socket.pause();
    write(socket, encode('PSUBSCRIBE', ...Array.from({ length: 16 }, (_, index) => `*${'[a-y]*'.repeat(20)}${index}`)));
    await Promise.race([closed(socket), pause(10_000)]);
    socket.destroy();
  },
};

/** How many of each go on at the same time, against each target. */
const STRENGTH = { garbage: 10, peers: 5, churn: 2, hoard: 400, slow: 60, great: 60, flood: 4, deaf: 4, listener: 60 };

async function keepOn(way, target) {
  await pause(below(1000));
  while (!isOver) await way(target);
}

function stop() {
  isOver = true;
  for (const socket of open) socket.destroy();
}
process.once('SIGTERM', stop);
// A wrong error handler of this process must not look like peace.
process.on('uncaughtException', (error) => {
  process.stderr.write(`attacker: ${error.stack}\n`);
  process.exit(1);
});

const all = targets.flatMap((target) =>
  Object.entries(STRENGTH).flatMap(([way, count]) => Array.from({ length: count }, () => keepOn(ways[way], target))),
);
process.stdout.write('ready\n');
await Promise.all(all);
for (const socket of open) socket.destroy();
process.stdout.write(`${JSON.stringify({ ...done, megabytes: Math.round(done.megabytes) })}\n`);
