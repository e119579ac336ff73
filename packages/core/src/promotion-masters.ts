import { lossOf } from './loss.ts';
import { claimOf, lockedReason } from './promotion-doubts.ts';
import { planElection } from './promotion-election.ts';
import { describeLoss, lossWarnings, movedBy, ordersTowards, unreachableWarnings } from './promotion-orders.ts';
import { refuse, type CandidateVerdict, type PromotionPlan } from './promotion-plan.ts';
import { followerCount, namesOf, type ReachableInstance, type Scene } from './promotion-scene.ts';

const holdsNoKey = (instance: ReachableInstance): boolean => instance.info.keys === 0;

function keep(
  scene: Scene,
  master: ReachableInstance,
  reason: string,
  verdicts: readonly CandidateVerdict[],
): PromotionPlan {
  const orders = ordersTowards(scene, master);
  const unknown = unreachableWarnings(scene, master.endpoint);
  if (orders.length === 0) return { kind: 'healthy', master: master.endpoint, reason, warnings: unknown };
  return {
    kind: 'repair',
    master: master.endpoint,
    reason,
    orders,
    verdicts,
    warnings: [...lossWarnings(movedBy(scene, orders), master), ...unknown],
  };
}

/** Several masters: a person must say that one of them may lose what it has. */
export function planForMasters(scene: Scene, masters: readonly ReachableInstance[]): PromotionPlan {
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

/** One master: it stays, unless it must not feed those that have the data. */
export function planForMaster(scene: Scene, master: ReachableInstance): PromotionPlan {
  const orders = ordersTowards(scene, master);
  const strays = scene.reachable.filter((one) => orders.some((order) => order.endpoint === one.endpoint));
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
  const doubt = scene.force ? null : doubtsAbout(scene, master, movedBy(scene, orders));
  if (doubt !== null) return doubt;
  const reason = `${master.endpoint} is the only master, alive with ${String(followers)} followers: it stays, ${namesOf(strays)} must follow it`;
  return keep(scene, master, reason, []);
}
