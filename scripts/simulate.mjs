// `npm run simulate [-- OPTIONS]`: gets what is missing, then runs the simulator with the options passed on.
import { spawnSync } from 'node:child_process';
import { bootstrap, fail } from './bootstrap.mjs';
import { root } from './process.mjs';

await bootstrap((line) => console.error(line)).catch(fail);
const args = ['packages/simulator/dist/simulate.mjs', ...process.argv.slice(2)];
const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
process.exit(status ?? 1);
