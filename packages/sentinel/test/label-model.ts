// A model of what role labels live in: pods of an API with resourceVersions, requests that are lost, late or sent twice, and a
// lease that one pod has at a time. The sidecars run the rules as they are.
import { asPodName, type PodName } from '@sentinel-micro/core';
import type { PodPatch } from '@sentinel-micro/kubernetes';
import { startLabels, type LabelCall, type LabelReply, type LabelState } from '../src/kube/label-state.ts';
import { FENCED_BY, FENCED_TERM, ROLE_LABEL, type PodFacts } from '../src/kube/pod-facts.ts';
import { planLabels, takeReply } from '../src/kube/role-labels.ts';
import type { RoleView } from '../src/kube/role-view.ts';

const LEASE_MS = 2000;

interface ApiPod {
  readonly uid: string;
  readonly resourceVersion: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** What can be otherwise than it should be. */
export interface WorldOptions {
  /** The API takes a patch with another resourceVersion than the pod's. */
  readonly ignoresVersions?: boolean;
  /** Whoever has had the lease goes on believing in it, whatever time it is. */
  readonly isGullible?: boolean;
}

function merged(
  into: Readonly<Record<string, string>>,
  patch: Readonly<Record<string, string | null>> = {},
): Record<string, string> {
  const kept = Object.entries({ ...into, ...patch }).filter((entry): entry is [string, string] => entry[1] !== null);
  return Object.fromEntries(kept.sort(([a], [b]) => a.localeCompare(b)));
}

/** The pods as etcd has them. */
export class ModelApi {
  readonly pods = new Map<PodName, ApiPod>();
  readonly #ignoresVersions: boolean;
  #version = 0;
  #uid = 0;

  constructor({ ignoresVersions = false }: WorldOptions = {}) {
    this.#ignoresVersions = ignoresVersions;
  }

  /** @returns the uid of the new pod */
  create(pod: PodName): string {
    this.#uid += 1;
    const uid = `uid-${String(this.#uid)}`;
    this.#put(pod, { uid, labels: {}, annotations: {} });
    return uid;
  }

  /** The kubelet writes the status. */
  touch(pod: PodName): void {
    const found = this.pods.get(pod);
    if (found !== undefined) this.#put(pod, found);
  }

  /** Somebody types `kubectl label`. */
  setRole(pod: PodName, role: string | null): void {
    const found = this.pods.get(pod);
    if (found !== undefined) this.#put(pod, { ...found, labels: merged(found.labels, { [ROLE_LABEL]: role }) });
  }

  role(pod: PodName): string | null {
    return this.pods.get(pod)?.labels[ROLE_LABEL] ?? null;
  }

  masters(): PodName[] {
    return [...this.pods.keys()].filter((pod) => this.role(pod) === 'master');
  }

  handle(pod: PodName, patch: PodPatch | null): LabelReply {
    const found = this.pods.get(pod);
    if (found === undefined) return { ok: false, status: 404, retryAfterMs: null };
    if (patch !== null && !this.#apply(pod, found, patch)) return { ok: false, status: 409, retryAfterMs: null };
    return { ok: true, pod: this.facts(pod) };
  }

  facts(pod: PodName): PodFacts {
    const found = this.pods.get(pod);
    if (found === undefined) throw new Error(`there is no ${pod}`);
    const { uid, resourceVersion, labels, annotations } = found;
    const term = annotations[FENCED_TERM];
    return {
      uid,
      resourceVersion: String(resourceVersion),
      role: labels[ROLE_LABEL] ?? null,
      fencedTerm: term === undefined ? null : Number(term),
      fencedBy: annotations[FENCED_BY] ?? null,
    };
  }

  /** @returns false when a precondition does not hold */
  #apply(pod: PodName, found: ApiPod, { metadata }: PodPatch): boolean {
    const { uid, resourceVersion } = metadata;
    if (uid !== undefined && uid !== found.uid) return false;
    const isOld = resourceVersion !== undefined && resourceVersion !== String(found.resourceVersion);
    if (isOld && !this.#ignoresVersions) return false;
    const labels = merged(found.labels, metadata.labels);
    const annotations = merged(found.annotations, metadata.annotations);
    const isSame =
      JSON.stringify([labels, annotations]) === JSON.stringify([merged(found.labels), merged(found.annotations)]);
    // What changes nothing is not written.
    if (!isSame) this.#put(pod, { ...found, labels, annotations });
    return true;
  }

  #put(pod: PodName, now: Omit<ApiPod, 'resourceVersion'>): void {
    this.#version += 1;
    this.pods.set(pod, { ...now, resourceVersion: this.#version });
  }
}

/** A request on its way to the API: it may arrive at any time, also long after its sender has given it up. */
interface Request {
  readonly from: Sidecar;
  readonly call: LabelCall;
}

/** One life of one sidecar. */
export class Sidecar {
  readonly pod: PodName;
  state: LabelState;
  isPaused = false;
  isDead = false;
  /** Its requests for a label are kept back on the way. */
  isSlow = false;
  /** No life of a sidecar has the lease twice under one term. */
  lastTerm = 0;
  /** The lease that it had last. */
  lastLease: Lease | null = null;
  /** Answers that it has not taken in yet. */
  readonly mail: { readonly call: LabelCall; readonly reply: LabelReply }[] = [];
  readonly waiting = new Map<number, LabelCall>();

  constructor(pod: PodName, uid: string, incarnation: string, startedAtMs: number) {
    this.pod = pod;
    this.state = startLabels({ pod, uid, incarnation, graceMs: LEASE_MS, startedAtMs });
  }
}

/** The lease, as it really is: at most one pod has it. */
interface Lease {
  readonly holder: Sidecar;
  readonly term: number;
  readonly untilMs: number;
  readonly phase: 'promote' | 'lead' | 'handover';
}

export class LabelWorld {
  readonly api: ModelApi;
  readonly sidecars: Sidecar[];
  readonly requests: Request[] = [];
  readonly names: readonly PodName[];
  nowMs = 0;
  lease: Lease | null = null;
  readonly #isGullible: boolean;
  #term = 0;
  #lives = 0;

  constructor(pods: number, options: WorldOptions = {}) {
    this.api = new ModelApi(options);
    this.#isGullible = options.isGullible ?? false;
    this.names = Array.from({ length: pods }, (_, index) => asPodName(`redis-${String(index)}`));
    this.sidecars = this.names.map((pod) => this.#born(pod, this.api.create(pod)));
  }

  /** Those of the pods that exist. */
  get present(): readonly Sidecar[] {
    return this.sidecars.slice(0, this.names.length);
  }

  /** What a sidecar knows at this moment. */
  viewOf(sidecar: Sidecar): RoleView {
    const { nowMs } = this;
    const lease = this.#isGullible ? (sidecar.lastLease ?? this.lease) : this.lease;
    const others = this.names.filter((pod) => pod !== sidecar.pod).map((pod) => ({ pod, isMember: true }));
    const isHolder = lease?.holder === sidecar && (this.#isGullible || lease.untilMs > nowMs);
    if (lease === null || !isHolder) {
      const wanted = lease !== null && lease.untilMs > nowMs ? 'replica' : 'none';
      return { wanted, lease: null, isFencing: false, term: this.#term, others };
    }
    const { term, untilMs, phase } = lease;
    const wanted = { promote: 'none', lead: 'master', handover: 'keep' } as const;
    const held = { term, renewedAtMs: untilMs - LEASE_MS };
    return { wanted: wanted[phase], lease: held, isFencing: phase !== 'handover', term, others };
  }

  /** It looks at what it has been answered, and at the time. */
  think(sidecar: Sidecar): void {
    if (sidecar.isPaused || sidecar.isDead) return;
    for (const { call, reply } of sidecar.mail.splice(0)) {
      const moment = { nowMs: this.nowMs, random: 0 };
      sidecar.state = takeReply(sidecar.state, call, reply, this.viewOf(sidecar), moment);
    }
    const { state, calls } = planLabels(sidecar.state, this.viewOf(sidecar), this.nowMs);
    sidecar.state = state;
    for (const call of calls) {
      sidecar.waiting.set(call.id, call);
      this.requests.push({ from: sidecar, call });
    }
  }

  /** A request arrives; its answer does too, unless it is lost or too late. */
  deliver(index: number, { isTwice = false, isAnswerLost = false } = {}): void {
    const request = this.requests[index % Math.max(1, this.requests.length)];
    if (request === undefined) return;
    if (!isTwice) this.requests.splice(this.requests.indexOf(request), 1);
    const { from, call } = request;
    const reply = this.api.handle(call.pod, call.patch);
    if (!isAnswerLost) this.#answer(from, call, reply);
  }

  /** Everybody thinks, and everything arrives that is not kept back. */
  round(): void {
    for (const sidecar of this.sidecars) this.think(sidecar);
    const arriving = this.requests.filter(({ from, call }) => call.kind !== 'label' || !from.isSlow);
    for (const request of arriving) this.deliver(this.requests.indexOf(request));
  }

  lose(index: number): void {
    if (this.requests.length > 0) this.requests.splice(index % this.requests.length, 1);
  }

  /** It waits no longer for what it has asked. The requests may be on their way all the same. */
  timeOut(sidecar: Sidecar): void {
    for (const call of sidecar.waiting.values()) {
      this.#answer(sidecar, call, { ok: false, status: null, retryAfterMs: null });
    }
  }

  /** The lease goes to this one, whoever had it before: that one's has just run out. */
  elect(sidecar: Sidecar, phase: Lease['phase'] = 'lead'): void {
    if (sidecar.isDead) return;
    // Who hangs does not ask for it.
    sidecar.isPaused = false;
    this.#term = Math.max(this.#term, sidecar.lastTerm) + 1;
    sidecar.lastTerm = this.#term;
    this.lease = { holder: sidecar, term: this.#term, untilMs: this.nowMs + LEASE_MS, phase };
    sidecar.lastLease = this.lease;
  }

  /** The voters have forgotten what terms there were. */
  forgetTerms(): void {
    this.#term = 0;
  }

  renew(phase?: Lease['phase']): void {
    const { lease } = this;
    if (lease === null || lease.untilMs <= this.nowMs || lease.holder.isPaused || lease.holder.isDead) return;
    this.lease = { ...lease, untilMs: this.nowMs + LEASE_MS, phase: phase ?? lease.phase };
    lease.holder.lastLease = this.lease;
  }

  release(): void {
    this.lease = null;
  }

  restart(sidecar: Sidecar): Sidecar {
    return this.#replace(sidecar, sidecar.state.config.uid);
  }

  /** A pod of the same name; the old one's sidecar may be hanging on some node yet. */
  recreate(sidecar: Sidecar, isOldDead: boolean): Sidecar {
    const born = this.#replace(sidecar, this.api.create(sidecar.pod), isOldDead);
    if (!isOldDead) this.sidecars.push(sidecar);
    return born;
  }

  #replace(sidecar: Sidecar, uid: string, isOldDead = true): Sidecar {
    sidecar.isDead = isOldDead;
    const born = this.#born(sidecar.pod, uid);
    this.sidecars[this.sidecars.indexOf(sidecar)] = born;
    // The same pod may have its lease again at once, by a new term; until then nobody acts by it.
    if (this.lease?.holder === sidecar && isOldDead) this.lease = null;
    return born;
  }

  #born(pod: PodName, uid: string): Sidecar {
    this.#lives += 1;
    return new Sidecar(pod, uid, String(this.#lives).padStart(12, '0'), this.nowMs);
  }

  #answer(to: Sidecar, call: LabelCall, reply: LabelReply): void {
    if (!to.waiting.delete(call.id)) return;
    to.mail.push({ call, reply });
  }

  /** No more faults: everything arrives, everybody thinks, and the lease stays where it is. */
  settle(forMs: number): void {
    for (const sidecar of this.sidecars) Object.assign(sidecar, { isPaused: false, isSlow: false });
    while (this.requests.length > 0) this.deliver(0);
    for (const sidecar of this.sidecars) this.timeOut(sidecar);
    for (const untilMs = this.nowMs + forMs; this.nowMs < untilMs; this.nowMs += 50) {
      this.renew();
      this.round();
    }
  }
}
