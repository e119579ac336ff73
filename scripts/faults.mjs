// `npm run test:faults [-- OPTIONS]`: gets what is missing, then does real faults with the options passed on.
import { parseArgs } from 'node:util';
import { fail } from './bootstrap.mjs';
import { build } from './build.mjs';
import { ensureModules } from './install.mjs';
import { runSuite } from './suite.mjs';
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
const [program, programArgs] = args[0] === '--table' ? ['table', args.slice(1)] : ['faults', args];
runSuite(`packages/faults/dist/${program}.mjs`, programArgs);
