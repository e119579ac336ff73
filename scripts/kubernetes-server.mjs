// Starts a Kubernetes API for tests: etcd and kube-apiserver, on this machine only, with RBAC and nothing else of a cluster.
// No controller runs: what is created stays as it is, no pod is ever started.
import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, openSync, closeSync, readFileSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { createServer } from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endingWithUs } from './process.mjs';

const host = '127.0.0.1';
const adminToken = 'admin-token';
const startTimeoutMs = 90_000;
const stopTimeoutMs = 10_000;
const requestTimeoutMs = 5_000;

/**
 * Starts both programs, as scripts/tools.mjs found them; their data and logs go into the folder, which is made. Returns the
 * path of a kubeconfig for an administrator, and how to stop all.
 * @throws Error with the end of a log when one of them does not start.
 */
export async function startKubernetes({ etcd, apiserver, folder }) {
  mkdirSync(folder, { recursive: true });
  const [clientPort, peerPort, apiPort] = await freePorts(3);
  const running = [start('etcd', etcd, etcdArgs(folder, clientPort, peerPort), folder)];
  const stop = () => Promise.all(running.map(ended));
  try {
    running.push(start('kube-apiserver', apiserver, apiserverArgs(folder, clientPort, apiPort), folder));
    const certificate = await whenReady(running, folder, apiPort);
    const kubeconfig = path.join(folder, 'kubeconfig.yaml');
    writeFileSync(kubeconfig, kubeconfigText(apiPort, certificate), { mode: 0o600 });
    return { kubeconfig, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

function etcdArgs(folder, clientPort, peerPort) {
  const [client, peer] = [clientPort, peerPort].map((port) => `http://${host}:${port}`);
  return [
    ...['--data-dir', path.join(folder, 'etcd')],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
  ];
}

/** It makes its own certificate; the keys are those that it signs the tokens of service accounts with. */
function apiserverArgs(folder, etcdPort, port) {
  const file = (name) => path.join(folder, name);
  const encoding = {
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  };
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048, ...encoding });
  writeFileSync(file('accounts.pub'), publicKey);
  writeFileSync(file('accounts.key'), privateKey, { mode: 0o600 });
  writeFileSync(file('tokens.csv'), `${adminToken},admin,admin,"system:masters"\n`, { mode: 0o600 });
  writeFileSync(file('audit.yaml'), auditPolicy);
  return [
    `--etcd-servers=http://${host}:${etcdPort}`,
    ...[
      `--bind-address=${host}`,
      `--advertise-address=${host}`,
      `--secure-port=${port}`,
      '--endpoint-reconciler-type=none',
    ],
    ...[`--cert-dir=${folder}`, '--service-cluster-ip-range=10.0.0.0/24', `--token-auth-file=${file('tokens.csv')}`],
    ...['--service-account-issuer=https://kubernetes.default.svc', '--api-audiences=https://kubernetes.default.svc'],
    ...[
      `--service-account-key-file=${file('accounts.pub')}`,
      `--service-account-signing-key-file=${file('accounts.key')}`,
    ],
    '--authorization-mode=RBAC',
    ...[`--audit-policy-file=${file('audit.yaml')}`, `--audit-log-path=${file('audit.log')}`],
    // It wants service accounts that a controller would have made.
    '--disable-admission-plugins=ServiceAccount',
  ];
}

/** What service accounts ask for, in `audit.log` beside the kubeconfig. */
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
  - level: Metadata
    userGroups: ['system:serviceaccounts']
  - level: None
`;

function start(name, { command, env }, args, folder) {
  const log = path.join(folder, `${name}.log`);
  const output = openSync(log, 'w');
  const [program, ...words] = endingWithUs([command, ...args]);
  const child = spawn(program, words, { env: { ...process.env, ...env }, stdio: ['ignore', output, output] });
  closeSync(output);
  const running = { name, child, log, isRunning: true };
  running.exit = new Promise((resolve) => {
    const over = () => {
      running.isRunning = false;
      resolve();
    };
    child.on('exit', over);
    child.on('error', over);
  });
  return running;
}

async function ended({ child, exit, isRunning }) {
  if (isRunning) child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopTimeoutMs);
  await exit;
  clearTimeout(timer);
}

/** Returns the certificate that the server has made, once it answers that it is ready. */
async function whenReady(running, folder, port) {
  const deadlineMs = Date.now() + startTimeoutMs;
  for (;;) {
    const dead = running.find(({ isRunning }) => !isRunning);
    if (dead || Date.now() > deadlineMs) {
      const { name, log } = dead ?? running.at(-1);
      const words = readFileSync(log, 'utf8').slice(-2000);
      throw new Error(`${name} ${dead ? 'has ended' : `is not ready after ${startTimeoutMs / 1000} s`}:\n${words}`);
    }
    const certificate = readIfThere(path.join(folder, 'apiserver.crt'));
    if (certificate && (await isReady(port, certificate))) return certificate;
    await sleep(200);
  }
}

function isReady(port, ca) {
  const headers = { authorization: `Bearer ${adminToken}` };
  return new Promise((resolve) => {
    const options = { host, port, path: '/readyz', ca, headers, timeout: requestTimeoutMs };
    const request = https.get(options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

function readIfThere(file) {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

function kubeconfigText(port, certificate) {
  return `apiVersion: v1
kind: Config
current-context: test
clusters:
  - name: test
    cluster:
      server: https://${host}:${port}
      certificate-authority-data: ${Buffer.from(certificate).toString('base64')}
users:
  - name: admin
    user:
      token: ${adminToken}
contexts:
  - name: test
    context:
      cluster: test
      user: admin
      namespace: default
`;
}

async function freePorts(count) {
  const servers = await Promise.all(Array.from({ length: count }, listening));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listening() {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, host, () => resolve(server));
  });
}
