// `npm run test:containers [-- OPTIONS]`: gets what is missing, then builds the images and runs them with the options passed on.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fail } from './bootstrap.mjs';
import { build } from './build.mjs';
import { ensureBases } from './container-bases.mjs';
import { ensureModules } from './install.mjs';
import { root, run } from './process.mjs';
import { runSuite } from './suite.mjs';
import { ensureTools } from './tools.mjs';

const log = (line) => console.error(line);
const askTimeoutMs = 5000;
const settingsFile = path.join(root, '.cache/containers/settings.json');

/** Where the base images come from that the Dockerfiles and the examples name. */
const imageRegistries = ['https://registry-1.docker.io/v2/', 'https://gcr.io/v2/'];

async function canPull() {
  const answers = await Promise.all(
    imageRegistries.map((url) =>
      fetch(url, { signal: AbortSignal.timeout(askTimeoutMs) }).then(
        // They want a login, and hand out one for nothing.
        ({ status }) => status === 200 || status === 401,
        () => false,
      ),
    ),
  );
  return answers.every(Boolean);
}

/** What npm is configured for: undefined where that is its default. */
async function npmSetting(name) {
  const npm = process.env.npm_execpath;
  const args = ['config', 'get', name];
  const { ok, output } = npm?.endsWith('.js')
    ? await run(process.execPath, [npm, ...args], { timeoutMs: askTimeoutMs })
    : await run('npm', args, { timeoutMs: askTimeoutMs });
  const value = output.trim().split('\n').at(-1);
  return ok && value !== 'null' && value !== 'undefined' && value !== '' ? value : null;
}

async function prepare(args) {
  await ensureModules(log);
  const { values } = parseArgs({ args, options: { bases: { type: 'string' } }, strict: false, allowPositionals: true });
  // The program itself says what can not be done without them.
  await ensureTools({ log, optionalTools: ['ip', 'iptables', 'docker', 'dockerd'] });
  await build();
  const isMade = values.bases === 'made' || (values.bases !== 'pulled' && !(await canPull()));
  const made = isMade ? await ensureBases(log) : null;
  const { ok, output } = await run('git', ['rev-parse', 'HEAD'], { timeoutMs: askTimeoutMs });
  const settings = {
    madeBases: made && { node: made['node-24'], build: made['node-24-build'], redis: made['redis-7.0'] },
    npm: {
      registry: await npmSetting('registry'),
      caFile: (await npmSetting('cafile')) ?? process.env.NODE_EXTRA_CA_CERTS ?? null,
    },
    revision: ok ? output.trim() : 'unknown',
  };
  mkdirSync(path.dirname(settingsFile), { recursive: true });
  writeFileSync(settingsFile, `${JSON.stringify(settings, null, 2)}\n`);
}

const args = process.argv.slice(2);
// What only tells does not need anything.
if (!args.includes('--list') && !args.includes('--help')) await prepare(args).catch(fail);
else await build();
runSuite('packages/containers/dist/containers.mjs', args);
