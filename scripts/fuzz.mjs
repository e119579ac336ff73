// `npm run test:fuzz [-- --minutes M] [--seed S]`: sets fire to the sidecars' port for M minutes (default 5), see
// packages/sentinel/test/cluster-fuzz.test.ts. Prints what was done and what it cost, each line with `fuzz:` before it.
import { parseArgs } from 'node:util';
import { bootstrap, fail } from './bootstrap.mjs';
import { run } from './process.mjs';

const usage = 'npm run test:fuzz -- [--minutes M] [--seed S]';
const options = { minutes: { type: 'string', default: '5' }, seed: { type: 'string', default: '1' } };

function read() {
  try {
    const { values } = parseArgs({ options });
    const [minutes, seed] = [Number(values.minutes), Number(values.seed)];
    if (minutes > 0 && minutes <= 24 * 60 && Number.isSafeInteger(seed)) return { minutes, seed };
  } catch {
    // Said below.
  }
  console.error(`wrong usage: ${usage}; M is at most a day`);
  process.exit(2);
}

const { minutes, seed } = read();
await bootstrap((line) => console.error(line)).catch(fail);
const nodeFlags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
const args = [...nodeFlags, 'node_modules/jest/bin/jest.js', 'packages/sentinel/test/cluster-fuzz.test.ts'];
const { ok } = await run(process.execPath, args, {
  env: { ...process.env, FUZZ_MINUTES: String(minutes), FUZZ_SEED: String(seed) },
  timeoutMs: (minutes + 10) * 60_000,
  stdio: 'inherit',
});
process.exitCode = ok ? 0 : 1;
