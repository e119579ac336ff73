// `npm test`: gets what is missing, then every check and every test. `npm test -- ARGS` runs Jest alone, with ARGS.
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { bootstrap, fail } from './bootstrap.mjs';
import { root, run } from './process.mjs';

const bin = (file) => path.join(root, 'node_modules', file);
const checks = [
  { title: 'format (prettier)', script: bin('prettier/bin/prettier.cjs'), args: ['--check', '--log-level=warn', '.'] },
  { title: 'types (tsc)', script: bin('typescript/bin/tsc'), args: ['-b'] },
  { title: 'lint (eslint)', script: bin('eslint/bin/eslint.js'), args: ['--max-warnings=0', '.'], isLong: true },
  { title: 'unused code (knip)', script: bin('knip/bin/knip.js'), args: ['--no-progress', '--no-config-hints'] },
  {
    title: 'import rules (dependency-cruiser)',
    script: bin('dependency-cruiser/bin/dependency-cruise.mjs'),
    args: ['--config', '.dependency-cruiser.mjs', 'packages', 'bench', 'tests'],
  },
];
const checkTimeoutMs = 5 * 60_000;
const jestTimeoutMs = 80 * 60_000;
const jestReport = path.join(root, '.cache/jest-report.json');

async function runCheck({ title, script, args }) {
  const startedAtMs = Date.now();
  const { ok, output } = await run(process.execPath, [script, ...args], { timeoutMs: checkTimeoutMs });
  const took = `${ok ? 'ok' : 'FAILED'} (${((Date.now() - startedAtMs) / 1000).toFixed(1)} s)`;
  // Whole, for another one runs at the same time.
  console.log(`\n== ${title}\n${output}${took}`);
  return ok ? [] : [title];
}

/** The longest beside all the others. @returns the titles of those that failed */
async function runChecks() {
  const inTurns = async (some) => {
    const failed = [];
    for (const check of some) failed.push(...(await runCheck(check)));
    return failed;
  };
  const [longest, others] = [checks.filter(({ isLong }) => isLong), checks.filter(({ isLong }) => !isLong)];
  return (await Promise.all([inTurns(longest), inTurns(others)])).flat();
}

async function runJest(args) {
  console.log('\n== tests (jest)');
  mkdirSync(path.dirname(jestReport), { recursive: true });
  rmSync(jestReport, { force: true });
  const nodeFlags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jestArgs = ['--json', `--outputFile=${jestReport}`, ...args];
  const { ok } = await run(process.execPath, [...nodeFlags, bin('jest/bin/jest.js'), ...jestArgs], {
    // What a developer is logged in to is not for tests: `npm run test:kubernetes` starts a Kubernetes API of its own.
    env: { ...process.env, KUBECONFIG: '' },
    timeoutMs: jestTimeoutMs,
    stdio: 'inherit',
  });
  return { ok, ...readReport() };
}

/** A test file that did not even load has no failed test in the report: it counts as one. */
function readReport() {
  try {
    const report = JSON.parse(readFileSync(jestReport, 'utf8'));
    return {
      passed: report.numPassedTests,
      failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
      skipped: report.numPendingTests + report.numTodoTests,
    };
  } catch {
    return { passed: 0, failed: 0, skipped: 0 };
  }
}

const jestArgs = process.argv.slice(2);
// Without redis-py the tests with that client are skipped, without kustomize those of the manifests, and both say so.
await bootstrap((line) => console.log(line), { optionalTools: ['kustomize', 'promtool', 'python3', 'redis-py'] }).catch(
  fail,
);

const failedChecks = jestArgs.length > 0 ? [] : await runChecks();
const jest = await runJest(jestArgs);
if (!jest.ok && jest.failed === 0) failedChecks.push('jest itself');

console.log('');
if (failedChecks.length > 0) console.log(`failed checks: ${failedChecks.join(', ')}`);
console.log(`${jest.passed} passed, ${jest.failed + failedChecks.length} failed, ${jest.skipped} skipped`);
process.exitCode = jest.ok && failedChecks.length === 0 ? 0 : 1;
