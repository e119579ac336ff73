// `npm run test:kubernetes [-- JEST OPTIONS]`: gets what is missing (the first time it compiles a kube-apiserver), starts a Kubernetes API
// and runs against it the tests that need one. `-- --serve` starts it for you, and says how to talk to it.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ensureModules } from './install.mjs';
import { startKubernetes } from './kubernetes-server.mjs';
import { endingWithUs, root } from './process.mjs';
import { ensureTools } from './tools.mjs';

const suites = ['packages/kubernetes/test', 'tests/kubernetes-'];

async function start(folder) {
  const log = (line) => console.error(line);
  await ensureModules(log);
  const { furtherTools } = await ensureTools({ log, tools: ['etcd', 'kube-apiserver', 'kustomize'] });
  log('starting etcd and kube-apiserver');
  return startKubernetes({ etcd: furtherTools.etcd, apiserver: furtherTools['kube-apiserver'], folder });
}

/** Resolves to Jest's exit code. */
function runJest(args, kubeconfig) {
  const jest = path.join(root, 'node_modules/jest/bin/jest.js');
  const flags = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const [command, ...words] = endingWithUs([process.execPath, ...flags, jest, ...args]);
  const env = { ...process.env, KUBECONFIG: kubeconfig };
  const child = spawn(command, words, { cwd: root, env, stdio: 'inherit' });
  return new Promise((resolve, reject) => child.on('error', reject).on('exit', (code) => resolve(code ?? 1)));
}

function untilStopped() {
  return new Promise((resolve) => ['SIGINT', 'SIGTERM', 'SIGHUP'].forEach((signal) => process.on(signal, resolve)));
}

const args = process.argv.slice(2);
const isServing = args.length === 1 && args[0] === '--serve';
const folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-kubernetes-'));
try {
  const { kubeconfig, stop } = await start(folder);
  const stopped = untilStopped().then(() => 1);
  try {
    if (isServing) {
      console.log(`export KUBECONFIG=${kubeconfig}`);
      await stopped;
    } else {
      process.exitCode = await Promise.race([runJest(args.length > 0 ? args : suites, kubeconfig), stopped]);
    }
  } finally {
    await stop();
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(); // Jest ends with this process, if it has not ended yet
