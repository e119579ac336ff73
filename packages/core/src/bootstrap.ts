import type { PodName, RunId, Term } from './brand.ts';
import { dnsAdvice } from './dns-advice.ts';
import { quorumOf } from './lease.ts';
import type { Announcement, PeerStatus } from './messages.ts';
import { isOfSameSet, podNames } from './pod-names.ts';
import { newerAnnouncement } from './position.ts';
import type { ReplicationInfo } from './replication-info.ts';

/** What came back from one question: a value, or why there is none. */
export type Answer<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly reason: string };

/** The part of PEER STATUS that a starting pod needs. */
export interface SidecarView {
  readonly cluster: string;
  /** `replicas`: by how many pods it counts; 0 when it does not know yet. */
  readonly from: { readonly pod: PodName; readonly replicas?: number };
  readonly master: PeerStatus['master'];
  readonly masterIsFresh: boolean;
}

/** One address behind the Service, and what answered there. */
export interface PeerObservation {
  readonly ip: string;
  readonly redisPort: number;
  /** What DNS calls the pod; null when it named only the address. */
  readonly podName: PodName | null;
  /** Null when it was not asked: the address is known only from an announcement. */
  readonly sidecar: Answer<SidecarView> | null;
  /** Answered means: logged in with the password of this set, if it has one, and told its INFO. */
  readonly redis: Answer<ReplicationInfo>;
}

/** Everything that make-slave knows when it decides. All IP addresses are in one spelling, so that equal text means equal address. */
export interface BootstrapObservation {
  readonly self: { readonly pod: PodName; readonly ip: string };
  readonly cluster: string;
  /** The pods that are counted. With `isResizable` no more than a guess: what the sidecars tell stands. */
  readonly members: readonly PodName[];
  /** How many pods are counted follows the StatefulSet, and is not known to this one. */
  readonly isResizable?: boolean;
  /** Why DNS gave no addresses; null when it gave some. */
  readonly dnsProblem: string | null;
  readonly peers: readonly PeerObservation[];
}

export interface BootstrapMaster {
  readonly ip: string;
  readonly port: number;
  readonly pod: PodName | null;
}

/** How a pod starts. There is no third kind: a pod never starts as a master. */
export type BootstrapDecision =
  | {
      readonly kind: 'replica';
      readonly master: BootstrapMaster;
      /** The term of the lease that names the master; null when only the Redis instances showed it. */
      readonly term: Term | null;
      readonly reason: string;
    }
  | { readonly kind: 'limbo'; readonly reason: string };

const NOT_READY_HINT = 'is publishNotReadyAddresses set on the headless Service?';
/** So many peers are named in a reason; of the others it tells the number. */
const MAX_NAMED = 5;

const limbo = (reason: string): BootstrapDecision => ({ kind: 'limbo', reason });
const addressOf = (ip: string, port: number): string => `${ip.includes(':') ? `[${ip}]` : ip}:${String(port)}`;
const whereIs = (peer: PeerObservation): string => addressOf(peer.ip, peer.redisPort);

/** The name that the sidecar gives itself counts more than DNS: records lag behind. */
function nameOf(peer: PeerObservation): PodName | null {
  return peer.sidecar?.ok === true ? peer.sidecar.value.from.pod : peer.podName;
}

function whyStranger(observation: BootstrapObservation, peer: PeerObservation): string | null {
  if (peer.sidecar?.ok === true && peer.sidecar.value.cluster !== observation.cluster) {
    return `its sidecar belongs to another cluster (${peer.sidecar.value.cluster}, this one is ${observation.cluster})`;
  }
  const name = nameOf(peer);
  if (name !== null && !observation.members.includes(name)) {
    return `${name} is none of the ${String(observation.members.length)} pods of this set`;
  }
  return null;
}

/** With the pods that the sidecars of the set count; as it was when nobody tells. Two that know differ by one at most. */
function withTheirSize(observation: BootstrapObservation): BootstrapObservation {
  if (observation.isResizable !== true) return observation;
  const told = observation.peers
    .flatMap(({ sidecar }) =>
      sidecar?.ok === true && sidecar.value.cluster === observation.cluster ? [sidecar.value] : [],
    )
    .filter(({ from }) => isOfSameSet(from.pod, observation.self.pod))
    .map(({ from, masterIsFresh, master }) => ({
      replicas: from.replicas ?? 0,
      masterIsFresh,
      term: master?.term ?? 0,
    }))
    .filter(({ replicas }) => replicas > 0)
    .sort((a, b) => Number(b.masterIsFresh) - Number(a.masterIsFresh) || b.term - a.term || a.replicas - b.replicas);
  const [best] = told;
  if (best === undefined) return observation;
  return { ...observation, members: podNames(observation.self.pod, best.replicas) };
}

/** Addresses of which neither the sidecar nor the Redis counts, each with the reason. */
export function strangersIn(seen: BootstrapObservation): readonly { ip: string; reason: string }[] {
  const observation = withTheirSize(seen);
  return observation.peers.flatMap((peer) => {
    const reason = peer.ip === observation.self.ip ? null : whyStranger(observation, peer);
    return reason === null ? [] : [{ ip: peer.ip, reason }];
  });
}

function trustedPeers(observation: BootstrapObservation): PeerObservation[] {
  return observation.peers.filter((peer) => peer.ip !== observation.self.ip && whyStranger(observation, peer) === null);
}

const voicesOf = (peers: readonly PeerObservation[]): SidecarView[] =>
  peers.flatMap((peer) => (peer.sidecar?.ok === true ? [peer.sidecar.value] : []));

function freshMasters(peers: readonly PeerObservation[]): Announcement[] {
  return voicesOf(peers).flatMap(({ master, masterIsFresh }) => (masterIsFresh && master !== null ? [master] : []));
}

function isSameMaster(a: Announcement, b: Announcement): boolean {
  return a.term === b.term && a.pod === b.pod && a.ip === b.ip && a.port === b.port;
}

/** How many pods' sidecars name this master. In a dual-stack network a sidecar answers twice: pods are counted, not answers. */
function countVoices(peers: readonly PeerObservation[], named: Announcement): number {
  const agreeing = voicesOf(peers).filter(
    ({ master, masterIsFresh }) => masterIsFresh && master !== null && isSameMaster(master, named),
  );
  return new Set(agreeing.map(({ from }) => from.pod)).size;
}

/** Why this pod can not follow the master of that name or address: it would be itself. */
function whySelf(observation: BootstrapObservation, master: { ip: string; pod: PodName | null }): string | null {
  if (master.ip === observation.self.ip) return "that is this pod's own address";
  if (master.pod === observation.self.pod) return 'that is an earlier life of this pod';
  return null;
}

/** Why this Redis can not be taken for a master; null when it is one. */
function whyNotMaster(redis: Answer<ReplicationInfo>, runId: RunId | null): string | null {
  if (!redis.ok) return redis.reason;
  const info = redis.value;
  if (info.loading) return 'it is still loading its data';
  if (info.role !== 'master') return `it is a replica of ${addressOf(info.masterHost ?? '?', info.masterPort ?? 0)}`;
  if (runId !== null && info.runId !== runId) return 'it is another process than the one that was promoted';
  return null;
}

/** Why the announced master could not be verified; null when it was. */
function whyUnverified(observation: BootstrapObservation, named: Announcement): string | null {
  const self = whySelf(observation, named);
  if (self !== null) return self;
  if (!observation.members.includes(named.pod)) return `${named.pod} is none of the pods of this set`;
  const peer = observation.peers.find(({ ip, redisPort }) => ip === named.ip && redisPort === named.port);
  if (peer === undefined) return 'its Redis was not asked in time';
  const stranger = whyStranger(observation, peer);
  if (stranger !== null) return stranger;
  const name = nameOf(peer);
  // An address is not an identity: after a pod is gone, its IP may belong to another pod of the same set.
  if (name !== null && name !== named.pod) return `${name} is at this address now`;
  return whyNotMaster(peer.redis, named.runId);
}

/** What the sidecars know; null when none of them names a master whose lease is alive. */
function decideBySidecars(observation: BootstrapObservation): BootstrapDecision | null {
  const peers = trustedPeers(observation);
  const fresh = freshMasters(peers);
  const named = fresh.reduce<Announcement | null>(newerAnnouncement, null);
  if (named === null) return null;
  const term = `term ${String(named.term)}`;
  if (fresh.some((other) => other.term === named.term && !isSameMaster(other, named))) {
    return limbo(`the sidecars name different masters in ${term}`);
  }
  const newest = voicesOf(peers).reduce<Announcement | null>(
    (best, { master }) => newerAnnouncement(best, master),
    named,
  );
  if (newest !== null && newest.term > named.term) {
    // Somebody was promoted since, and its lease is not alive: whom to follow is being decided at this moment.
    return limbo(`a master of term ${String(newest.term)} is known, but only the one of ${term} still has a lease`);
  }
  const where = `${named.pod} at ${addressOf(named.ip, named.port)}`;
  if (named.isFounded) {
    // It was promoted empty, and this pod may have data of its own on its disk: its sidecar will look.
    return limbo(`${where}, master of ${term}, was promoted before all pods had shown whether they have data`);
  }
  const problem = whyUnverified(observation, named);
  if (problem !== null) return limbo(`the sidecars name ${where} as master of ${term}, but ${problem}`);
  const { ip, port, pod } = named;
  const reason = `${String(countVoices(peers, named))} of ${String(observation.members.length)} sidecars name ${where} as master of ${term}, and its Redis confirms it`;
  return { kind: 'replica', master: { ip, port, pod }, term: named.term, reason };
}

interface SeenMaster {
  readonly peer: PeerObservation;
  readonly runId: RunId | null;
  readonly followers: number;
}

/**
 * It follows that master, in its own words. Where it was given a name instead of an address, as in many a StatefulSet that has no
 * sidecars yet, the master has to say so as well.
 */
function isFollowerOf({ ip, redisPort, redis }: PeerObservation, master: PeerObservation): boolean {
  if (!redis.ok || !master.redis.ok) return false;
  const { role, linkUp, masterHost, masterPort } = redis.value;
  if (role !== 'replica' || !linkUp || masterHost === null || masterPort !== master.redisPort) return false;
  const isName = /[a-z]/i.test(masterHost) && !masterHost.includes(':');
  if (!isName) return masterHost === master.ip;
  return master.redis.value.replicas.some((one) => one.state === 'online' && one.ip === ip && one.port === redisPort);
}

/** Masters among the Redis instances, with the number of other instances that follow them. */
function seenMasters(peers: readonly PeerObservation[]): SeenMaster[] {
  return peers.flatMap((peer) => {
    if (!peer.redis.ok || whyNotMaster(peer.redis, null) !== null) return [];
    const { runId } = peer.redis.value;
    const followers = peers.filter((other) => other.ip !== peer.ip && isFollowerOf(other, peer));
    return [{ peer, runId, followers: followers.length }];
  });
}

/** In a dual-stack network one Redis answers at two addresses: that does not make it two masters. */
function isSameRedis(a: SeenMaster, b: SeenMaster): boolean {
  return a.peer === b.peer || (a.runId !== null && a.runId === b.runId);
}

function contradicts(announced: Announcement | null, { peer, runId }: SeenMaster): boolean {
  if (announced === null) return false;
  if (announced.ip !== peer.ip || announced.port !== peer.redisPort) return true;
  return announced.runId !== null && announced.runId !== runId;
}

function unansweredIn(peers: readonly PeerObservation[]): string {
  const reasons = peers.flatMap((peer) => (peer.redis.ok ? [] : [`${whereIs(peer)}: ${peer.redis.reason}`]));
  if (reasons.length === 0) return '';
  const more = reasons.length > MAX_NAMED ? `; and ${String(reasons.length - MAX_NAMED)} more` : '';
  return ` (no INFO from ${reasons.slice(0, MAX_NAMED).join('; ')}${more})`;
}

/** No sidecar helps: a master that other pods of the set follow is as good as announced; everything else is left to the election. */
function decideByInstances(observation: BootstrapObservation): BootstrapDecision {
  const peers = trustedPeers(observation);
  const noSidecar = 'no sidecar names a master';
  const masters = seenMasters(peers);
  const followed = masters.filter(({ followers }) => followers > 0);
  const [master] = followed;
  if (master === undefined) {
    const alone = masters.map(({ peer }) => whereIs(peer)).join(', ');
    const what = alone === '' ? 'no Redis is a master' : `nobody follows the master ${alone}`;
    return limbo(`${noSidecar}, and ${what}${unansweredIn(peers)}`);
  }
  if (followed.some((other) => !isSameRedis(other, master))) {
    return limbo(
      `${noSidecar}, and several masters have followers: ${followed.map(({ peer }) => whereIs(peer)).join(', ')}`,
    );
  }
  const where = whereIs(master.peer);
  const pod = nameOf(master.peer);
  const self = whySelf(observation, { ip: master.peer.ip, pod });
  if (self !== null) return limbo(`${noSidecar}, and the master that others follow is ${where}, but ${self}`);
  const announced = voicesOf(peers).reduce<Announcement | null>(
    (best, voice) => newerAnnouncement(best, voice.master),
    null,
  );
  if (announced !== null && contradicts(announced, master)) {
    return limbo(
      `others follow ${where}, but the last master that the sidecars announced is ${announced.pod} at ${addressOf(announced.ip, announced.port)}`,
    );
  }
  const reason = `${noSidecar}, but ${where} is a master that ${String(master.followers)} other instance(s) of this set follow`;
  return { kind: 'replica', master: { ip: master.peer.ip, port: master.peer.redisPort, pod }, term: null, reason };
}

/**
 * How a pod that starts now is to start: as a replica of the present master if that one can be verified, else in limbo.
 * It never decides who is master, and never names this pod itself. Limbo is always safe: the election takes it from there.
 */
export function decideBootstrap(seen: BootstrapObservation): BootstrapDecision {
  const observation = withTheirSize(seen);
  if (observation.dnsProblem !== null) return limbo(`${observation.dnsProblem}; ${dnsAdvice(observation.dnsProblem)}`);
  if (observation.peers.every(({ ip }) => ip === observation.self.ip)) {
    const where = observation.members.length === 1 ? '' : `; ${NOT_READY_HINT}`;
    return limbo(`DNS names no other pod than this one${where}`);
  }
  if (observation.isResizable === true && !observation.members.includes(observation.self.pod)) {
    return limbo(`the sidecars count ${String(observation.members.length)} pods, and this one not yet`);
  }
  const told = decideBySidecars(observation);
  if (told !== null) return told;
  const isCounted = observation.isResizable !== true || observation !== seen;
  return isCounted ? decideByInstances(observation) : limbo('no sidecar tells how many pods are counted');
}

/**
 * True when the answers that are still missing need not be waited for: a quorum of sidecars names the same master in the same
 * term, and that master is verified. A newer term would need a quorum too, so at least one of these would know of it.
 */
export function isSettled(seen: BootstrapObservation): boolean {
  const observation = withTheirSize(seen);
  if (decideBySidecars(observation)?.kind !== 'replica') return false;
  const peers = trustedPeers(observation);
  const named = freshMasters(peers).reduce<Announcement | null>(newerAnnouncement, null);
  return named !== null && countVoices(peers, named) >= quorumOf(observation.members.length);
}
