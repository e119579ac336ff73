// The conformance suite says what the API owes us. The stand-in and a real kube-apiserver have to pass the same: what is built
// against the one then works with the other. The stand-in is asked always; a real one when KUBECONFIG names it, as somebody
// with all rights: `KUBECONFIG=... npm run jest -- packages/kubernetes/test/conformance`.
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from '@jest/globals';
import { KubeApiStandIn, type PolicyRule } from '@sentinel-micro/testkit';
import { connectKube, type KubeApi } from '../src/index.ts';
import { kubeconfigAccess } from '../src/kubeconfig.ts';
import { Transport, type AnswerReader, type Call } from '../src/transport.ts';

const TIMEOUT_MS = 10_000;

/** What the suite needs of a server: all rights in a namespace of its own, and service accounts with fewer. */
export class ServerUnderTest {
  readonly namespace = `conformance-${randomBytes(4).toString('hex')}`;
  readonly #kubeconfig: string;
  readonly #transport: Transport;
  readonly #folder = mkdtempSync(join(tmpdir(), 'kube-conformance-'));
  readonly #clients: KubeApi[] = [];
  readonly #stop: () => Promise<void>;
  /** Makes the server forget what happened so far. A real one does so in its own time. */
  readonly forget: () => void;

  static async standIn(): Promise<ServerUnderTest> {
    const api = await KubeApiStandIn.start();
    return new ServerUnderTest(
      api.kubeconfig(),
      () => api.stop(),
      () => api.compact(),
    );
  }

  static real(kubeconfig: string): ServerUnderTest {
    return new ServerUnderTest(
      kubeconfig,
      () => Promise.resolve(),
      () => undefined,
    );
  }

  private constructor(kubeconfig: string, stop: () => Promise<void>, forget: () => void) {
    this.forget = forget;
    this.#kubeconfig = kubeconfig;
    this.#stop = stop;
    const access = kubeconfigAccess(kubeconfig);
    this.#transport = new Transport({ access, timeoutMs: TIMEOUT_MS, wallMs: Date.now });
  }

  async start(): Promise<void> {
    await this.post('/api/v1/namespaces', { metadata: { name: this.namespace } });
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.call({ method: 'DELETE', path: `/api/v1/namespaces/${this.namespace}` }).catch(() => undefined);
    this.#transport.close();
    rmSync(this.#folder, { recursive: true, force: true });
    await this.#stop();
  }

  /** A client with all rights, or with those of the token. */
  connect(token?: string): KubeApi {
    const kubeconfig = token === undefined ? this.#kubeconfig : this.#kubeconfigFor(token);
    const api = connectKube({ source: { kubeconfig }, namespace: this.namespace, timeoutMs: TIMEOUT_MS });
    this.#clients.push(api);
    return api;
  }

  /** The path of a collection, or of an object, in the namespace: `apis/apps/v1`, `statefulsets`. */
  path(group: string, plural: string, name?: string): string {
    return `/${group}/namespaces/${this.namespace}/${plural}${name === undefined ? '' : `/${name}`}`;
  }

  /** Anything, with all rights. @throws KubeError */
  async call(call: Call): Promise<unknown> {
    return JSON.parse(await this.#transport.call(call)) as unknown;
  }

  post(path: string, body: object): Promise<unknown> {
    return this.call({ method: 'POST', path, body: JSON.stringify(body) });
  }

  /** An answer as it comes, for watches. Returns what ends it. */
  stream(call: Call, reader: AnswerReader): () => void {
    return this.#transport.send(call, reader, { streamMs: 60_000 });
  }

  async makePod(name: string, labels: Record<string, string> = {}): Promise<void> {
    const spec = { containers: [{ name: 'redis', image: 'redis:7' }] };
    await this.post(this.path('api/v1', 'pods'), { metadata: { name, labels }, spec });
  }

  async removePod(name: string): Promise<void> {
    const body = JSON.stringify({ gracePeriodSeconds: 0 });
    await this.call({ method: 'DELETE', path: this.path('api/v1', 'pods', name), body });
  }

  async makeStatefulSet(name: string, replicas: number): Promise<void> {
    const labels = { app: name };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'redis', image: 'redis:7' }] } };
    const spec = { replicas, serviceName: name, selector: { matchLabels: labels }, template };
    await this.post(this.path('apis/apps/v1', 'statefulsets'), { metadata: { name }, spec });
  }

  async scale(name: string, replicas: number): Promise<void> {
    await this.call({
      method: 'PATCH',
      path: this.path('apis/apps/v1', 'statefulsets', name),
      contentType: 'application/merge-patch+json',
      body: JSON.stringify({ spec: { replicas } }),
    });
  }

  /** A service account that may do this and nothing else; returns a token of it. */
  async grant(name: string, rules: readonly PolicyRule[]): Promise<string> {
    const rbac = 'apis/rbac.authorization.k8s.io/v1';
    await this.post(this.path('api/v1', 'serviceaccounts'), { metadata: { name } });
    await this.post(this.path(rbac, 'roles'), { metadata: { name }, rules });
    await this.post(this.path(rbac, 'rolebindings'), {
      metadata: { name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: this.namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
    });
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: { expirationSeconds: 600 } };
    const answer = await this.post(`${this.path('api/v1', 'serviceaccounts', name)}/token`, request);
    return (answer as { status: { token: string } }).status.token;
  }

  #kubeconfigFor(token: string): string {
    const path = join(this.#folder, `kubeconfig-${this.#clients.length}`);
    const text = readFileSync(this.#kubeconfig, 'utf8').replace(/^( +)token: .*$/m, `$1token: ${token}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }
}

const kubeconfig = process.env['KUBECONFIG'] ?? '';
if (kubeconfig === '') console.warn('a real Kubernetes API is skipped: KUBECONFIG is not set');
else console.warn('what the server only does to order is skipped on the API of KUBECONFIG');

const STAND_IN = 'the stand-in';
const SERVERS: readonly (readonly [string, () => Promise<ServerUnderTest> | ServerUnderTest])[] = [
  [STAND_IN, () => ServerUnderTest.standIn()],
  ...(kubeconfig === '' ? [] : ([['the API of KUBECONFIG', () => ServerUnderTest.real(kubeconfig)]] as const)),
];

/** A server, and a client with all rights. */
export interface OnServer {
  readonly server: ServerUnderTest;
  readonly api: KubeApi;
}

/**
 * Defines the same tests for every server; server and client are there when a test runs.
 * @param define its second parameter is for what only the stand-in does when it is told to
 */
export function describeOnServers(what: string, define: (on: OnServer, onStandIn: typeof test.skip) => void): void {
  describe.each(SERVERS)(`%s: ${what}`, (name, make) => {
    const on: { server?: ServerUnderTest; api?: KubeApi } = {};
    beforeAll(async () => {
      on.server = await make();
      await on.server.start();
      on.api = on.server.connect();
    });
    afterAll(() => on.server?.stop());
    define(on as OnServer, name === STAND_IN ? test : test.skip);
  });
}
