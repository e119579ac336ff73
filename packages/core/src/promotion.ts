import { planElection } from './promotion-election.ts';
import { planForMaster, planForMasters } from './promotion-masters.ts';
import { refuse, type PromotionPlan } from './promotion-plan.ts';
import { sceneOf, type Instance, type PromotionOptions } from './promotion-scene.ts';

function planInOrder(instances: readonly Instance[], options: PromotionOptions): PromotionPlan {
  const scene = sceneOf(instances, options);
  if (scene.reachable.length === 0) {
    const unreachable = instances.filter((instance) => instance.state === 'unreachable');
    const each = unreachable.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ');
    return refuse(`no instance can be asked. ${each}`);
  }
  const masters = scene.reachable.filter((instance) => instance.info.role === 'master');
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
