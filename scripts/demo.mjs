// `npm run demo [-- OPTIONS]`: gets what is missing, then runs the demo with the options passed on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { bootstrap, fail } from './bootstrap.mjs';
import { root } from './process.mjs';

const args = process.argv.slice(2);
const demo = path.join(root, 'packages/testkit/dist/demo.mjs');

// On stderr, always: stdout belongs to the demo, whose last line is JSON with --json.
await bootstrap((line) => console.error(line)).catch(fail);
if (!existsSync(demo)) fail('There is no demo in this version.');

const child = spawn(process.execPath, [demo, ...args], { cwd: root, stdio: 'inherit' });

// Ctrl-C at a terminal reaches the demo by itself; a signal sent to this process alone has to be passed on.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', fail);
child.on('exit', (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  // End the way the demo ended, so that a shell sees the same.
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
