// `npm run test:clients [-- OPTIONS]`: gets what is missing, then lets real clients loose with the options passed on.
import { bootstrap, fail } from './bootstrap.mjs';
import { runSuite } from './suite.mjs';

const log = (line) => console.error(line);

const args = process.argv.slice(2);
// Without redis-py that client is skipped; the program itself says so, and counts it.
await bootstrap(log, { optionalTools: ['python3', 'redis-py'] }).catch(fail);
// `--table` makes the page of the docs and starts nothing.
const [program, programArgs] = args[0] === '--table' ? ['table', args.slice(1)] : ['clients', args];
runSuite(`packages/clients/dist/${program}.mjs`, programArgs);
