import { compareContenders, isNeverPromoted, priorityOf } from './candidates.ts';
import { isComparable, relationOf } from './lineage.ts';
import { claimOf, lockedReason } from './promotion-doubts.ts';
import { lossWarnings, ordersTowards, unreachableWarnings } from './promotion-orders.ts';
import { refuse, type PromotionPlan } from './promotion-plan.ts';
import type { Instance, ReachableInstance, Scene } from './promotion-scene.ts';
import type { ReplicationInfo } from './replication-info.ts';

const mayHaveData = (instance: ReachableInstance): boolean => instance.info.keys !== 0;

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
  if (first.canSave !== second.canSave)
    return 'the last save of the other has failed: it may refuse writes and replicas';
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
export function planElection(scene: Scene, excluded: ReadonlyMap<string, string>): PromotionPlan {
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
