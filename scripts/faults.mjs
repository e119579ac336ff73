// `npm run test:faults [-- OPTIONS]`: gets what is missing, then does real faults with the options passed on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { fail } from './bootstrap.mjs';
import { build } from './build.mjs';
import { ensureModules } from './install.mjs';
import { root } from './process.mjs';
import { ensureTools } from './tools.mjs';

const log = (line) => console.error(line);

/**
 * Without `ip` and `nft` there are no hosts, without `libfaketime` no clock can be set wrong; the program itself says so, and
 * counts what it could not do.
 */
async function ensureFurtherTools(servers) {
  for (const tools of [['ip', 'nft', 'libfaketime'], ['ip', 'nft'], []]) {
    try {
      await ensureTools({ log, servers, tools });
      return;
    } catch (error) {
      if (tools.length === 0) throw error;
      log(error.message);
    }
  }
}

async function prepare(args) {
  await ensureModules(log);
  const { values } = parseArgs({
    args,
    options: { server: { type: 'string' } },
    strict: false,
    allowPositionals: true,
  });
  await ensureFurtherTools(typeof values.server === 'string' ? [values.server] : []);
  await build();
}

const args = process.argv.slice(2);
await prepare(args).catch(fail);
// `--table` makes the page of the docs and breaks nothing.
const program = args[0] === '--table' ? ['table.mjs', ...args.slice(1)] : ['faults.mjs', ...args];
const command = [process.execPath, `packages/faults/dist/${program[0]}`, ...program.slice(1)];
// However this process ends, what it has started is not to go on.
const setpriv = '/usr/bin/setpriv';
const line = existsSync(setpriv) ? [setpriv, '--pdeathsig', 'KILL', '--', ...command] : command;
const child = spawn(line[0], line.slice(1), { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
// Ctrl-C reaches the child by itself.
process.on('SIGINT', () => {});
child.on('error', fail);
child.on('exit', (code) => process.exit(code ?? 1));
