import { compareContenders, isNeverPromoted, priorityOf } from './candidates.ts';
import { isComparable, relationOf } from './lineage.ts';
import { lossOf, type Loss } from './loss.ts';
import type { ReplicationInfo } from './replication-info.ts';

/** An instance that told its INFO. All addresses are opaque texts: equal means the same place. */
export interface ReachableInstance {
  readonly state: 'reachable';
  /** As the user named it; unique among the instances. */
  readonly endpoint: string;
  /** Every address by which others may know it. */
  readonly addresses: readonly string[];
  /** What its `master_host:master_port` stands for; empty for a master, or when the name means nothing here. */
  readonly masterAddresses: readonly string[];
  /** The replicas that it feeds, as it sees them, without those that have fallen silent. */
  readonly feeds: readonly string[];
  readonly info: ReplicationInfo;
}

/** An instance of which nothing is known now, and why. */
export interface UnreachableInstance {
  readonly state: 'unreachable';
  readonly endpoint: string;
  readonly addresses: readonly string[];
  /** True when somebody answers there, but not what was asked: alive, in a role that is not known. */
  readonly answers: boolean;
  readonly reason: string;
}

export type Instance = ReachableInstance | UnreachableInstance;

/** One instance, and why it was or was not chosen. */
export interface CandidateVerdict {
  readonly endpoint: string;
  readonly chosen: boolean;
  readonly reason: string;
}

/** What is to be done to one instance besides the promotion. */
export interface FollowOrder {
  readonly endpoint: string;
  /** `wait`: it points at the right master already, only the link is not up yet, so nothing is sent. */
  readonly kind: 'follow' | 'wait';
  /** It is a master now: its clients would stay with it and meet READONLY. */
  readonly cutClients: boolean;
  readonly reason: string;
}

export type PromotionPlan =
  | { readonly kind: 'healthy'; readonly master: string; readonly reason: string; readonly warnings: readonly string[] }
  | {
      readonly kind: 'repair';
      readonly master: string;
      readonly reason: string;
      readonly orders: readonly FollowOrder[];
      readonly verdicts: readonly CandidateVerdict[];
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'promote';
      readonly winner: string;
      readonly reason: string;
      readonly orders: readonly FollowOrder[];
      readonly verdicts: readonly CandidateVerdict[];
      readonly warnings: readonly string[];
    }
  | {
      readonly kind: 'refuse';
      readonly reason: string;
      readonly verdicts: readonly CandidateVerdict[];
      readonly warnings: readonly string[];
      /** The picture may settle by itself: look again for at most this long before believing it; 0 is final. */
      readonly settleMs: number;
    };

export interface PromotionOptions {
  /** Go ahead where the answer would be a refusal that a person may overrule. */
  readonly force: boolean;
  /** Endpoints that have refused to be promoted, with the reason. */
  readonly unusable?: ReadonlyMap<string, string>;
}

/** A master pings its replicas every 10 s (`repl-ping-replica-period`): a link that is silent for longer is up in name only. */
const SILENT_LINK_SECONDS = 12;
/** Until a link to a master that hangs counts as silent, and then a little. */
const HUNG_MASTER_SETTLE_MS = (SILENT_LINK_SECONDS + 3) * 1000;
/** Until a replica that was busy when its master died has noticed it. */
const DEAD_LINK_SETTLE_MS = 2000;

function describeLoss(loss: Loss): string {
  switch (loss.kind) {
    case 'none':
      return 'nothing';
    case 'bytes':
      return `the last ${String(loss.bytes)} bytes of its history`;
    case 'everything':
      return `its whole data set: ${loss.keys === null ? 'an unknown number of' : String(loss.keys)} keys`;
  }
}

/** What is known, sorted, and how far a person stands behind it. */
interface Scene {
  readonly instances: readonly Instance[];
  readonly reachable: readonly ReachableInstance[];
  /** Those that answer but do not say what they are. */
  readonly locked: readonly UnreachableInstance[];
  readonly force: boolean;
  readonly unusable: ReadonlyMap<string, string>;
}

const namesOf = (instances: readonly { readonly endpoint: string }[]): string =>
  instances.map((instance) => instance.endpoint).join(', ');
const holdsNoKey = (instance: ReachableInstance): boolean => instance.info.keys === 0;
const mayHaveData = (instance: ReachableInstance): boolean => instance.info.keys !== 0;

function lists(source: ReachableInstance, replica: ReachableInstance): boolean {
  const isFed = replica.addresses.some((address) => source.feeds.includes(address));
  return isFed && replica.info.linkUp && source.info.replid === replica.info.replid;
}

/**
 * Whom of the instances this one replicates from; null when it is none of them.
 * By its master's address; where that means nothing here (NAT, a Service's IP), by the list of whoever feeds it.
 */
export function sourceOf(instance: ReachableInstance, instances: readonly Instance[]): Instance | null {
  if (instance.info.role === 'master') return null;
  const others = instances.filter((other) => other.endpoint !== instance.endpoint);
  const named = others.filter((other) => other.addresses.some((own) => instance.masterAddresses.includes(own)));
  const [only] = named;
  if (only !== undefined && named.length === 1) return only;
  const possible = named.length === 0 ? others : named;
  return possible.find((other) => other.state === 'reachable' && lists(other, instance)) ?? null;
}

function refuse(
  reason: string,
  more: { settleMs?: number; verdicts?: readonly CandidateVerdict[] } = {},
): PromotionPlan {
  return { kind: 'refuse', reason, verdicts: more.verdicts ?? [], warnings: [], settleMs: more.settleMs ?? 0 };
}

function unreachableWarnings(scene: Scene, master: string): string[] {
  return scene.instances
    .filter((instance) => instance.state === 'unreachable')
    .map(
      ({ endpoint, reason }) =>
        `${endpoint} can not be asked (${reason}) and is left alone: when it is back, run this again so that it follows ${master}`,
    );
}

function lossWarnings(losers: readonly ReachableInstance[], keeper: ReachableInstance): string[] {
  return losers.flatMap((loser) => {
    const loss = lossOf(loser.info, keeper.info);
    return loss.kind === 'none'
      ? []
      : [`${loser.endpoint} loses ${describeLoss(loss)}, by following ${keeper.endpoint}`];
  });
}

function ordersTowards(scene: Scene, keeper: ReachableInstance): FollowOrder[] {
  return scene.reachable
    .filter((instance) => instance !== keeper)
    .flatMap((instance): FollowOrder[] => {
      const { endpoint, info } = instance;
      const follows = sourceOf(instance, scene.instances) === keeper;
      // Those that follow a new master already are not touched, but must be seen to be online.
      if (follows && info.linkUp && keeper.info.role === 'master') return [];
      if (follows)
        return [{ endpoint, kind: 'wait', cutClients: false, reason: `points at ${keeper.endpoint} already` }];
      const isMaster = info.role === 'master';
      const now = isMaster ? 'is a master' : `follows ${String(info.masterHost)}:${String(info.masterPort)}`;
      return [{ endpoint, kind: 'follow', cutClients: isMaster, reason: `${now}; is to follow ${keeper.endpoint}` }];
    });
}

/** How many replicas a master has, of the given ones or others: whichever of the two views shows more. */
function followerCount(master: ReachableInstance, scene: Scene): number {
  const given = scene.reachable.filter((other) => other.info.linkUp && sourceOf(other, scene.instances) === master);
  return Math.max(given.length, master.feeds.length);
}

function keep(
  scene: Scene,
  master: ReachableInstance,
  reason: string,
  verdicts: readonly CandidateVerdict[],
): PromotionPlan {
  const orders = ordersTowards(scene, master);
  const unknown = unreachableWarnings(scene, master.endpoint);
  if (orders.length === 0) return { kind: 'healthy', master: master.endpoint, reason, warnings: unknown };
  const moved = scene.reachable.filter((one) =>
    orders.some((order) => order.kind === 'follow' && order.endpoint === one.endpoint),
  );
  return {
    kind: 'repair',
    master: master.endpoint,
    reason,
    orders,
    verdicts,
    warnings: [...lossWarnings(moved, master), ...unknown],
  };
}

/** Several masters: a person must say that one of them may lose what it has. */
function planForMasters(scene: Scene, masters: readonly ReachableInstance[]): PromotionPlan {
  const ranked = masters
    .map((master) => ({ master, followers: followerCount(master, scene) }))
    .sort(
      (a, b) =>
        // One that is still loading serves nobody yet.
        Number(a.master.info.loading) - Number(b.master.info.loading) ||
        b.followers - a.followers ||
        b.master.info.offset - a.master.info.offset ||
        // Arbitrary, but the same at every run.
        (String(a.master.info.runId) < String(b.master.info.runId) ? -1 : 1),
    );
  const [first] = ranked;
  if (first === undefined) return refuse('there is no master');
  const keeper = first.master;
  const verdicts = ranked.map(({ master, followers }) => {
    const chosen = master === keeper;
    const facts = `a master with ${String(followers)} followers, offset ${String(master.info.offset)}`;
    const loses = `would lose ${describeLoss(lossOf(master.info, keeper.info))}`;
    return { endpoint: master.endpoint, chosen, reason: chosen ? `${facts}: the one to keep` : `${facts}: ${loses}` };
  });
  const found = `${String(masters.length)} masters: ${namesOf(masters)}`;
  if (!scene.force) {
    const others = verdicts
      .filter((verdict) => !verdict.chosen)
      .map((verdict) => `${verdict.endpoint} ${verdict.reason}`);
    return refuse(
      `${found}. --force would keep ${keeper.endpoint} (${String(first.followers)} followers); ${others.join('; ')}`,
      { verdicts },
    );
  }
  return keep(scene, keeper, `${found}; ${keeper.endpoint} is kept, by --force`, verdicts);
}

/** Why a single master can not simply be given the replicas that do not follow it; null when it can. */
function doubtsAbout(
  scene: Scene,
  master: ReachableInstance,
  moved: readonly ReachableInstance[],
): PromotionPlan | null {
  const followers = followerCount(master, scene);
  const losses = lossWarnings(moved, master);
  const lost = losses.join('; ');
  if (losses.length > 0 && holdsNoKey(master)) {
    return refuse(`${master.endpoint} is a master without a single key: ${lost}. --force does it all the same`);
  }
  if (followers > 0 || moved.length === 0) return null;
  if (scene.locked.length > 0) return refuse(lockedReason(scene));
  const claim = claimOf(scene, moved);
  if (claim !== null) return refuse(claim.reason, { settleMs: claim.settleMs });
  if (losses.length === 0) return null;
  return refuse(
    `${master.endpoint} is a master that nobody follows, with a history of its own: ${lost}. --force does it all the same`,
  );
}

function planForMaster(scene: Scene, master: ReachableInstance): PromotionPlan {
  const orders = ordersTowards(scene, master);
  const strays = scene.reachable.filter((one) => orders.some((order) => order.endpoint === one.endpoint));
  const moved = strays.filter((one) =>
    orders.some((order) => order.kind === 'follow' && order.endpoint === one.endpoint),
  );
  const followers = followerCount(master, scene);
  if (strays.length === 0) {
    const all = `${master.endpoint} is the only master, and all others that answer (${String(scene.reachable.length - 1)}) follow it with the link up`;
    return keep(scene, master, all, []);
  }
  if (followers === 0 && master.info.loading) {
    if (scene.force)
      return planElection(scene, new Map([[master.endpoint, 'a master that is still loading its data']]));
    return refuse(
      `${master.endpoint} is a master that is still loading its data: wait for it and try again, or take a replica in its place with --force`,
    );
  }
  // A master reborn empty must never feed those that still have the data. They would even go and fetch its
  // emptiness by themselves, so this is not a case to wait for.
  const isReborn = followers === 0 && holdsNoKey(master) && lossWarnings(strays, master).length > 0;
  if (isReborn)
    return planElection(
      scene,
      new Map([
        [master.endpoint, 'a master without a single key, which nobody follows: it must not feed those that have data'],
      ]),
    );
  const doubt = scene.force ? null : doubtsAbout(scene, master, moved);
  if (doubt !== null) return doubt;
  const reason = `${master.endpoint} is the only master, alive with ${String(followers)} followers: it stays, ${namesOf(strays)} must follow it`;
  return keep(scene, master, reason, []);
}

function lockedReason(scene: Scene): string {
  const each = scene.locked.map(({ endpoint, reason }) => `${endpoint} (${reason})`).join(', ');
  return `it can not be told whether there is a master already, for this answers but can not be asked: ${each}. --force goes ahead`;
}

/** A master that is not seen from here, but that a replica says it hears: it may be alive. */
function claimOf(scene: Scene, replicas: readonly ReachableInstance[]): { reason: string; settleMs: number } | null {
  const heard = replicas.filter((replica) => {
    const { linkUp, lastIoSecondsAgo } = replica.info;
    if (!linkUp || (lastIoSecondsAgo !== null && lastIoSecondsAgo > SILENT_LINK_SECONDS)) return false;
    return sourceOf(replica, scene.instances)?.state !== 'reachable';
  });
  const [first] = heard;
  if (first === undefined) return null;
  const source = sourceOf(first, scene.instances);
  const master = source?.endpoint ?? `${String(first.info.masterHost)}:${String(first.info.masterPort)}`;
  const where = source === null ? 'which is not among the endpoints' : 'which does not answer here';
  return {
    reason: `${namesOf(heard)} still have a link to the master ${master}, ${where}: it may well be alive. ${source === null ? 'Name it too, or go' : 'Go'} ahead with --force`,
    settleMs: source === null ? DEAD_LINK_SETTLE_MS : HUNG_MASTER_SETTLE_MS,
  };
}

function hindranceOf(instance: ReachableInstance, excluded: ReadonlyMap<string, string>): string | null {
  const { info, endpoint } = instance;
  const why = excluded.get(endpoint);
  if (why !== undefined) return why;
  if (isNeverPromoted(info)) return 'priority 0: never promoted';
  if (info.syncInProgress) return 'is in the middle of a full sync: its data is not complete';
  if (info.loading) return 'is still loading its data';
  return null;
}

/**
 * Those who share the history to keep: the one that most of those with data share, then the one with the greatest offset.
 * Priority 0 has a say here, as a witness. Without any data the histories mean nothing, and all are equal.
 */
function keepersOf(replicas: readonly ReachableInstance[]): {
  members: readonly ReachableInstance[];
  byOffset: boolean;
} {
  const whole = replicas.filter(({ info }) => !info.syncInProgress && !info.loading);
  const withData = whole.filter(mayHaveData);
  // Where one history goes on from another, only the younger one is a choice: the older one's members count for it.
  const tips = withData.filter((a) => !withData.some((b) => relationOf(a.info, b.info) === 'ancestor'));
  let best: { tip: ReachableInstance; members: readonly ReachableInstance[] } | null = null;
  for (const tip of tips.length > 0 ? tips : withData) {
    const members = whole.filter((other) => isComparable(other.info, tip.info));
    const votes = members.filter(mayHaveData).length - (best?.members.filter(mayHaveData).length ?? 0);
    const ahead =
      best === null
        ? 1
        : votes || tip.info.offset - best.tip.info.offset || (tip.info.replid < best.tip.info.replid ? 1 : -1);
    if (best === null || ahead > 0) best = { tip, members };
  }
  if (best !== null) return { members: best.members, byOffset: true };
  return { members: whole, byOffset: whole.every((a) => whole.every((b) => isComparable(a.info, b.info))) };
}

function seconds(lastIoSecondsAgo: number | null): string {
  return lastIoSecondsAgo === null ? 'at an unknown time' : `${String(lastIoSecondsAgo)} s ago`;
}

/** By which tier of the order of succession `first` comes before `second`. */
function whyBefore(first: ReplicationInfo, second: ReplicationInfo, byOffset: boolean): string {
  const [a, b] = [priorityOf(first), priorityOf(second)];
  if (a !== b) return `priority ${String(a)} comes before ${String(b)}`;
  if (byOffset && first.offset !== second.offset)
    return `offset ${String(first.offset)} comes before ${String(second.offset)}`;
  if (first.lastIoSecondsAgo !== second.lastIoSecondsAgo) {
    return `same priority and offset; heard from the master ${seconds(first.lastIoSecondsAgo)}, not ${seconds(second.lastIoSecondsAgo)}`;
  }
  return 'equal in all but the run id, which decides';
}

function aheadWarnings(scene: Scene, winner: ReachableInstance): string[] {
  return scene.reachable.flatMap((other) => {
    const ahead = other.info.offset - winner.info.offset;
    if (other === winner || other.info.syncInProgress || ahead <= 0 || !isComparable(other.info, winner.info))
      return [];
    return [
      `${winner.endpoint} lacks ${String(ahead)} bytes that ${other.endpoint} (priority ${String(priorityOf(other.info))}) has: THEY ARE LOST`,
    ];
  });
}

/** No master (or none that counts): choose one. `excluded` are instances that must not be chosen, with the reason. */
function planElection(scene: Scene, excluded: ReadonlyMap<string, string>): PromotionPlan {
  const barred = new Map([...scene.unusable, ...excluded]);
  const replicas = scene.reachable.filter((instance) => instance.info.role === 'replica');
  if (!scene.force) {
    if (scene.locked.length > 0) return refuse(lockedReason(scene));
    const claim = claimOf(scene, replicas);
    if (claim !== null) return refuse(claim.reason, { settleMs: claim.settleMs });
  }
  const { members, byOffset } = keepersOf(replicas);
  const contenderOf = ({ info }: ReachableInstance): ReplicationInfo =>
    byOffset ? info : { ...info, offset: 0 as typeof info.offset };
  const ranked = members
    .filter((instance) => hindranceOf(instance, barred) === null)
    .sort((a, b) => compareContenders(contenderOf(a), contenderOf(b)));
  const [winner, second] = ranked;
  const reasonFor = (instance: Instance): string => {
    if (instance.state === 'unreachable') return `can not be asked: ${instance.reason}`;
    if (instance === winner)
      return second === undefined ? 'the only one that can be promoted' : whyBefore(winner.info, second.info, byOffset);
    const hindrance = hindranceOf(instance, barred);
    if (hindrance !== null) return hindrance;
    if (!members.includes(instance)) return 'its data is of another history than that of most, or it has none';
    return winner === undefined ? 'not chosen' : `comes later: ${whyBefore(winner.info, instance.info, byOffset)}`;
  };
  const verdicts = scene.instances.map((one) => ({
    endpoint: one.endpoint,
    chosen: one === winner,
    reason: reasonFor(one),
  }));
  if (winner === undefined) {
    const each = verdicts.map((verdict) => `${verdict.endpoint}: ${verdict.reason}`).join('; ');
    return refuse(`there is no master, and nobody can be promoted. ${each}`, { verdicts });
  }
  const foreign = scene.reachable.filter((other) => !isComparable(other.info, winner.info));
  return {
    kind: 'promote',
    winner: winner.endpoint,
    reason: `there is no master; ${winner.endpoint} is next: ${reasonFor(winner)}`,
    orders: ordersTowards(scene, winner),
    verdicts,
    warnings: [
      ...aheadWarnings(scene, winner),
      ...lossWarnings(foreign, winner),
      ...unreachableWarnings(scene, winner.endpoint),
    ],
  };
}

function planInOrder(instances: readonly Instance[], options: PromotionOptions): PromotionPlan {
  const reachable = instances.filter((instance) => instance.state === 'reachable');
  const unreachable = instances.filter((instance) => instance.state === 'unreachable');
  const locked = unreachable.filter((instance) => instance.answers);
  const scene: Scene = { instances, reachable, locked, force: options.force, unusable: options.unusable ?? new Map() };
  if (reachable.length === 0) {
    const each = unreachable.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ');
    return refuse(`no instance can be asked. ${each}`);
  }
  const masters = reachable.filter((instance) => instance.info.role === 'master');
  const [master] = masters;
  if (master === undefined) return planElection(scene, new Map());
  return masters.length > 1 ? planForMasters(scene, masters) : planForMaster(scene, master);
}

/** Tells of the instances in the order in which they were given. */
function presentAs<Item extends { readonly endpoint: string }>(
  given: readonly Instance[],
  items: readonly Item[],
): Item[] {
  const place = new Map(given.map(({ endpoint }, index) => [endpoint, index]));
  return [...items].sort((a, b) => (place.get(a.endpoint) ?? 0) - (place.get(b.endpoint) ?? 0));
}

/**
 * Decides what `sentinel promote` does with a set, from one look at all its instances. A living master with followers
 * always stays; what is not certain is refused rather than guessed, unless a person forces it.
 * @param instances in the user's order, with distinct endpoints
 * @returns what to do, with the reason as one sentence; the warnings say what is lost and who could not be asked
 */
export function planPromotion(instances: readonly Instance[], options: PromotionOptions): PromotionPlan {
  // The order in which somebody types the endpoints decides nothing, not even between equals.
  const plan = planInOrder(
    [...instances].sort((a, b) => (a.endpoint < b.endpoint ? -1 : 1)),
    options,
  );
  if (plan.kind === 'healthy') return plan;
  const verdicts = presentAs(instances, plan.verdicts);
  return plan.kind === 'refuse'
    ? { ...plan, verdicts }
    : { ...plan, verdicts, orders: presentAs(instances, plan.orders) };
}
