// A set whose pods are known to a Kubernetes API, and somebody who looks at every change of their labels.
import type { KubeApiStandIn } from '@sentinel-micro/testkit';
import {
  nowMs,
  sentinelMicro,
  type ClusterOptions,
  type JsonObject,
  type KubeChange,
  type PodProgram,
  type PolicyRule,
} from '@sentinel-micro/testkit';
import { FENCED_BY, ROLE_LABEL } from '../src/kube/pod-facts.ts';

const SET = 'redis';

/** What labels and Events need, and nothing more. */
export function rulesFor(pods: readonly string[]): PolicyRule[] {
  return [
    { apiGroups: [''], resources: ['pods'], resourceNames: pods, verbs: ['get', 'patch'] },
    { apiGroups: [''], resources: ['events'], verbs: ['create', 'patch'] },
  ];
}

const metadataOf = (object: JsonObject | null): JsonObject => (object?.['metadata'] ?? {}) as JsonObject;

/** What the StatefulSet controller does: the pod of this name and UID, its set's, and without a role. */
export function makePod(api: KubeApiStandIn, name: string, uid: string): void {
  if (metadataOf(api.find('pods', name))['uid'] === uid) return;
  const set = api.find('statefulsets', SET) ?? api.put('statefulsets', statefulSet());
  if (api.find('pods', name) !== null) api.remove('pods', name);
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    name: SET,
    uid: metadataOf(set)['uid'],
    controller: true,
  };
  const metadata = { name, uid, labels: { app: SET }, ownerReferences: [owner] };
  const containers = [{ name: 'redis', image: 'redis' }];
  api.put('pods', { metadata, spec: { containers }, status: { phase: 'Running' } });
}

function statefulSet(): { readonly metadata: { readonly name: string }; readonly spec: unknown } {
  const labels = { app: SET };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'redis', image: 'redis' }] } };
  return {
    metadata: { name: SET },
    spec: { replicas: 3, serviceName: SET, selector: { matchLabels: labels }, template },
  };
}

/** The program of a pod that is in the API before its sidecar starts. */
function knownTo(api: KubeApiStandIn): PodProgram {
  return {
    init: (pod) => sentinelMicro.init(pod),
    sidecar(pod) {
      makePod(api, pod.identity.name, pod.identity.uid);
      return sentinelMicro.sidecar(pod);
    },
  };
}

/** For a cluster of three whose sidecars label their pods and write Events, as a service account with least rights. */
export function withKube(api: KubeApiStandIn, ...flags: readonly string[]): ClusterOptions {
  const token = api.grant('redis', rulesFor(['redis-0', 'redis-1', 'redis-2']));
  const sentinelFlags = ['--role-labels', '--kube-events', '--kubeconfig', api.kubeconfig(token), ...flags];
  return { namespace: api.namespace, program: knownTo(api), sentinelFlags };
}

interface Moment {
  readonly atMs: number;
  /** Who changed, and what it carried after that. */
  readonly pod: string;
  readonly role: string | null;
  /** Who has fenced it last. */
  readonly fencedBy: string | null;
  readonly masters: readonly string[];
}

/** Sees every state of the pods' labels, as a Service's controller does. */
export class LabelWatch {
  readonly moments: Moment[] = [];
  readonly #roles = new Map<string, string>();
  readonly #stop: () => void;

  constructor(api: KubeApiStandIn) {
    this.#stop = api.onChange((change) => this.#note(change));
  }

  /** States in which more than one pod carried `master`. */
  get violations(): readonly Moment[] {
    return this.moments.filter(({ masters }) => masters.length > 1);
  }

  /** The changes of one pod's role since then, oldest first, without those that changed something else. */
  rolesOf(pod: string, sinceMs = 0): (string | null)[] {
    const roles = this.moments.filter((moment) => moment.pod === pod && moment.atMs >= sinceMs).map(({ role }) => role);
    return roles.filter((role, index) => index === 0 || role !== roles[index - 1]);
  }

  stop(): Promise<void> {
    this.#stop();
    return Promise.resolve();
  }

  #note({ type, kind, object }: KubeChange): void {
    if (kind.kind !== 'Pod') return;
    const metadata = metadataOf(object);
    const { labels, annotations } = metadata as Readonly<Record<string, JsonObject | undefined>>;
    const { name: pod = '' } = metadata as { readonly name?: string };
    const role = type === 'DELETED' ? undefined : labels?.[ROLE_LABEL];
    if (typeof role === 'string') this.#roles.set(pod, role);
    else this.#roles.delete(pod);
    const masters = [...this.#roles].filter(([, one]) => one === 'master').map(([one]) => one);
    const fencedBy = annotations?.[FENCED_BY];
    this.moments.push({
      ...{ atMs: nowMs(), pod, masters },
      role: typeof role === 'string' ? role : null,
      fencedBy: typeof fencedBy === 'string' ? fencedBy : null,
    });
  }
}

/** Somebody types `kubectl label`. */
export function setRole(api: KubeApiStandIn, name: string, role: string | null): void {
  const metadata = { name, labels: { [ROLE_LABEL]: role } };
  api.put('pods', { metadata });
}

/** The roles that the API has, by pod; a pod without the label has null. */
export function rolesIn(api: KubeApiStandIn, pods: readonly { readonly name: string }[]): Record<string, unknown> {
  return Object.fromEntries(
    pods.map(({ name }) => {
      const labels = metadataOf(api.find('pods', name))['labels'] as JsonObject | undefined;
      return [name, labels?.[ROLE_LABEL] ?? null];
    }),
  );
}
