// `npm run bench [-- OPTIONS]`: gets what is missing, then measures with the options passed on.
import { bootstrap, fail } from './bootstrap.mjs';
import { runSuite } from './suite.mjs';

const log = (line) => console.error(line);

// What can not be measured without one of these, the program itself says.
await bootstrap(log, { optionalTools: ['ip', 'nft', 'redis-benchmark'] }).catch(fail);
runSuite('bench/dist/bench.mjs', process.argv.slice(2));
