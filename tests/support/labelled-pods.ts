import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { sleep } from '@sentinel-micro/testkit';
import type { KubernetesServer } from './kubernetes-server.ts';
import type { Grant } from './permissions.ts';
import type { RedisSet } from './redis-set.ts';

const roleLabel = 'sentinel-micro.io/role';
const lookEveryMs = 100;

interface Metadata {
  readonly name: string;
  readonly uid: string;
  readonly labels?: Readonly<Record<string, string>>;
}

interface AuditEvent {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly responseStatus?: { readonly code: number };
  readonly objectRef?: { readonly resource: string; readonly apiGroup?: string; readonly name?: string };
}

/** The pods of a set, as a Kubernetes API knows them: made by hand, in a namespace of their own, and looked at all the time. */
export class LabelledPods {
  readonly namespace: string;
  /** The most pods that carried the label `master` at the same time. */
  mostMasters = 0;
  readonly #server: KubernetesServer;
  readonly #set: RedisSet;
  readonly #folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-kubeconfig-'));
  #owner: Metadata | undefined;
  #isStopped = false;
  #looking: Promise<void> = Promise.resolve();

  /** Makes the namespace, the account with its Roles, and the StatefulSet. */
  static async make(server: KubernetesServer, set: RedisSet): Promise<LabelledPods> {
    const pods = new LabelledPods(server, set);
    const { namespace } = pods;
    await pods.#post('/api/v1/namespaces', { metadata: { name: namespace } });
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    for (const account of set.serviceAccounts) await pods.#post(pods.#path('serviceaccounts'), account);
    for (const role of set.roles) await pods.#post(`${rbac}/roles`, role);
    for (const binding of set.roleBindings) await pods.#post(`${rbac}/rolebindings`, binding);
    const made = await pods.#post(`/apis/apps/v1/namespaces/${namespace}/statefulsets`, set.statefulSet);
    pods.#owner = (made as { metadata: Metadata }).metadata;
    pods.#looking = pods.#look();
    return pods;
  }

  private constructor(server: KubernetesServer, set: RedisSet) {
    this.namespace = `sentinel-micro-${Date.now().toString(36)}`;
    this.#server = server;
    this.#set = set;
  }

  /** The namespace stays where nobody ends it: a server of `npm run test:kubernetes` has no controllers. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#looking;
    await this.#server.delete(`/api/v1/namespaces/${this.namespace}`);
    rmSync(this.#folder, { recursive: true });
  }

  /** The path of a kubeconfig for a service account, made from that of an administrator. */
  async kubeconfigOf(account: string, kubeconfig: string): Promise<string> {
    const request = { spec: { expirationSeconds: 3600 } };
    const body = await this.#post(this.#path('serviceaccounts', account, 'token'), request);
    const { token } = (body as { status: { token: string } }).status;
    const file = path.join(this.#folder, `${account}.yaml`);
    writeFileSync(file, readFileSync(kubeconfig, 'utf8').replace(/token: .*/, `token: ${token}`), { mode: 0o600 });
    return file;
  }

  /** Puts a new pod of this name in the place of an old one. @returns the UID that it was given */
  async remake(name: string): Promise<string> {
    await this.#server.delete(`${this.#path('pods', name)}?gracePeriodSeconds=0`);
    const { name: ownerName, uid } = this.#owner!;
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'StatefulSet', name: ownerName, uid, controller: true }];
    const spec = { containers: [{ name: 'redis', image: 'redis' }] };
    const pod = { metadata: { name, labels: this.#set.podLabels, ownerReferences }, spec };
    return ((await this.#post(this.#path('pods'), pod)) as { metadata: Metadata }).metadata.uid;
  }

  /** The roles by pod; a pod without the label has undefined. */
  async roles(): Promise<Record<string, string | undefined>> {
    const { body } = await this.#server.get(this.#path('pods'));
    const { items } = body as { items: readonly { metadata: Metadata }[] };
    return Object.fromEntries(items.map(({ metadata: { name, labels } }) => [name, labels?.[roleLabel]]));
  }

  async events(): Promise<readonly { readonly involvedObject: { readonly kind: string } }[]> {
    const { body } = await this.#server.get(this.#path('events'));
    return (body as { items: { involvedObject: { kind: string } }[] }).items;
  }

  /** What a user has done, and was not refused, by the audit log of the server. */
  usedBy(user: string, log: string): Grant[] {
    const all = log
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as AuditEvent);
    return all.flatMap(({ verb, user: { username }, objectRef, responseStatus }) => {
      if (username !== user || objectRef === undefined || responseStatus?.code === 403) return [];
      const { resource, apiGroup = '', name = '*' } = objectRef;
      // No rule can name what is not there yet, nor events.
      return [{ verb, group: apiGroup, resource, name: verb === 'create' || resource === 'events' ? '*' : name }];
    });
  }

  async #look(): Promise<void> {
    while (!this.#isStopped) {
      const masters = Object.values(await this.roles()).filter((role) => role === 'master').length;
      this.mostMasters = Math.max(this.mostMasters, masters);
      await sleep(lookEveryMs);
    }
  }

  #path(...names: readonly string[]): string {
    return `/api/v1/namespaces/${this.namespace}/${names.join('/')}`;
  }

  async #post(place: string, object: unknown): Promise<unknown> {
    const { status, body } = await this.#server.post(place, object);
    if (status !== 201) throw new Error(`POST ${place}: ${status} ${JSON.stringify(body)}`);
    return body;
  }
}
