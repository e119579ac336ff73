import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from './certificate.ts';
import { Faults, type FaultHandle, type FaultScope, type KubeFault } from './faults.ts';
import { kindNamed } from './kinds.ts';
import { isJsonObject, mergePatch, type JsonObject } from './json.ts';
import { Permissions, type PolicyRule } from './permissions.ts';
import { KubeServer, type KubeRequest } from './server.ts';
import { KubeStore, metadataOf, type KubeChange, type Place } from './store.ts';
import { Watches } from './watches.ts';

export interface KubeApiOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Where the objects of a test are. Default `shop`. */
  readonly namespace?: string;
}

/** An object of any kind. */
export interface Named {
  readonly metadata: { readonly name: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

const ADMIN_TOKEN = 'admin-token';

/**
 * A stand-in for kube-apiserver: a real HTTPS server with leases, pods, events, statefulsets, and what RBAC needs, whose
 * optimistic concurrency, watches, refusals and permissions are those of a real one (packages/kubernetes/test/conformance.test.ts
 * says so of both), and which fails to order.
 */
export class KubeApiStandIn {
  readonly namespace: string;
  readonly host: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'kube-api-'));
  readonly watches: Watches;
  /** What the server's clock is ahead of ours, in milliseconds: its Date header and the times that it writes. */
  clockSkewMs = 0;
  readonly #store: KubeStore;
  readonly #permissions: Permissions;
  readonly #faults = new Faults();
  readonly #server: KubeServer;
  readonly #authority = new Authority('kube-api-stand-in');
  #port = 0;
  #files = 0;

  /** Starts one on a free port. */
  static async start(options: KubeApiOptions = {}): Promise<KubeApiStandIn> {
    const api = new KubeApiStandIn(options);
    api.#port = await api.#server.listen(api.host, 0);
    return api;
  }

  private constructor({ host = '127.0.0.1', namespace = 'shop' }: KubeApiOptions) {
    this.host = host;
    this.namespace = namespace;
    const wallMs = (): number => Date.now() + this.clockSkewMs;
    this.#store = new KubeStore(wallMs);
    this.#permissions = new Permissions(this.#store, ADMIN_TOKEN);
    this.watches = new Watches(this.#store);
    this.#server = new KubeServer({
      store: this.#store,
      permissions: this.#permissions,
      faults: this.#faults,
      watches: this.watches,
      wallMs,
      certificate: this.#authority.issue({ commonName: 'kube-apiserver', addresses: [host], names: ['localhost'] }),
      clientAuthority: this.#authority.cert,
    });
    for (const name of ['default', 'kube-system', namespace]) {
      this.#store.create(kindNamed('namespaces'), '', { metadata: { name } });
    }
  }

  get port(): number {
    return this.#port;
  }

  get url(): string {
    return `https://${this.host.includes(':') ? `[${this.host}]` : this.host}:${this.#port}`;
  }

  /** Of the authority that has signed the server's certificate, in PEM. */
  get authorityCertificate(): string {
    return this.#authority.cert;
  }

  /** Every request whose body was read, oldest first. */
  get requests(): readonly KubeRequest[] {
    return this.#server.requests;
  }

  /** How many connections were made so far. */
  get connections(): number {
    return this.#server.connections;
  }

  // What only the system, or a person with all rights, does.

  /** The object, or null. */
  find(plural: string, name: string): JsonObject | null {
    return this.#store.find(this.#place(plural, name));
  }

  /** Makes an object, or merges this into the one that is there, its status included. */
  put(plural: string, object: Named): JsonObject {
    const place = this.#place(plural, object.metadata.name);
    const body = structuredClone(object) as unknown as JsonObject;
    const { kind, namespace } = place;
    if (this.#store.find(place) === null) {
      const created = this.#store.create(kind, namespace, body);
      if (body['status'] === undefined) return created;
    }
    return this.#store.putAsSystem(place, (before) =>
      grown(before ?? {}, mergePatch(before ?? {}, body) as JsonObject),
    );
  }

  remove(plural: string, name: string): void {
    this.#store.remove(this.#place(plural, name));
  }

  /** Every change of an object from now on, in order, before whoever made it has an answer. Returns what ends it. */
  onChange(listener: (change: KubeChange) => void): () => void {
    return this.#store.onChange(listener);
  }

  /** Forgets what happened so far: who watches from an earlier version is told that it is expired (410). */
  compact(): void {
    this.#store.compact();
  }

  /** Makes a service account that may do this, and returns a token of it. */
  grant(serviceAccount: string, rules: readonly PolicyRule[]): string {
    this.put('serviceaccounts', { metadata: { name: serviceAccount } });
    this.put('roles', { metadata: { name: serviceAccount }, rules });
    this.put('rolebindings', {
      metadata: { name: serviceAccount },
      subjects: [{ kind: 'ServiceAccount', name: serviceAccount, namespace: this.namespace }],
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: serviceAccount },
    });
    return this.issueToken(serviceAccount);
  }

  issueToken(serviceAccount: string): string {
    return this.#permissions.issueToken(this.namespace, serviceAccount);
  }

  revokeToken(token: string): void {
    this.#permissions.revokeToken(token);
  }

  // How a client gets in.

  /** Writes a kubeconfig file, for the one with all rights unless there is a token, and returns its path. */
  kubeconfig(token: string = ADMIN_TOKEN): string {
    return this.writeKubeconfig([`    token: ${token}`]);
  }

  /** The same, for one who shows a certificate. */
  kubeconfigWithCertificate(commonName: string, organisation: string): string {
    const { cert, key } = this.#authority.issue({ commonName, organisation });
    const base64 = (text: string): string => Buffer.from(text).toString('base64');
    return this.writeKubeconfig([
      `    client-certificate-data: ${base64(cert)}`,
      `    client-key-data: ${base64(key)}`,
    ]);
  }

  /** @param user the lines of the user */
  writeKubeconfig(user: readonly string[]): string {
    const path = join(this.folder, `kubeconfig-${this.#files++}`);
    const ca = Buffer.from(this.#authority.cert).toString('base64');
    const lines = [
      'apiVersion: v1',
      'kind: Config',
      'current-context: stand-in',
      'clusters:',
      '- name: stand-in',
      '  cluster:',
      `    server: ${this.url}`,
      `    certificate-authority-data: ${ca}`,
      'contexts:',
      '- name: stand-in',
      '  context:',
      '    cluster: stand-in',
      '    user: me',
      `    namespace: ${this.namespace}`,
      'users:',
      '- name: me',
      '  user:',
      ...user,
    ];
    writeFileSync(path, `${lines.join('\n')}\n`, { mode: 0o600 });
    return path;
  }

  /** What a pod of this service account finds: files in a folder, and its environment. */
  podAccess(token: string): { inCluster: Record<string, string>; folder: string } {
    const folder = join(this.folder, `pod-${this.#files++}`);
    mkdirSync(folder);
    writeFileSync(join(folder, 'ca.crt'), this.#authority.cert);
    writeFileSync(join(folder, 'namespace'), this.namespace);
    writeFileSync(join(folder, 'token'), token);
    const inCluster = { KUBERNETES_SERVICE_HOST: this.host, KUBERNETES_SERVICE_PORT: String(this.#port) };
    return { inCluster, folder };
  }

  // How it fails.

  /** From now on, and until it is ended, requests of this scope meet this fault. */
  fail(fault: KubeFault, scope: FaultScope = {}): FaultHandle {
    return this.#faults.add(fault, scope);
  }

  endFaults(): void {
    this.#faults.endAll();
  }

  cutConnections(): void {
    this.#server.cutConnections();
  }

  /** From now on connections are refused; those that are open are cut. */
  async goAway(): Promise<void> {
    await this.#server.close();
  }

  /** Back again at the same address, with all that it had. */
  async comeBack(): Promise<void> {
    await this.#server.listen(this.host, this.#port);
  }

  async stop(): Promise<void> {
    this.endFaults();
    await this.#server.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  #place(plural: string, name: string): Place {
    const kind = kindNamed(plural);
    return { kind, namespace: kind.isNamespaced ? this.namespace : '', name };
  }
}

/** Counts a change of the spec as the server does. */
function grown(before: JsonObject, after: JsonObject): JsonObject {
  const { generation } = metadataOf(before);
  const isChanged = JSON.stringify(before['spec']) !== JSON.stringify(after['spec']);
  if (!isChanged || typeof generation !== 'number' || !isJsonObject(after['metadata'])) return after;
  return { ...after, metadata: { ...after['metadata'], generation: generation + 1 } };
}
