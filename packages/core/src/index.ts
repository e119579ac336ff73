export * from './action.ts';
export * from './bootstrap.ts';
export * from './brand.ts';
export * from './candidates.ts';
export { chooseMaster, rank, type Choice, type Circumstances } from './choose.ts';
export * from './decide.ts';
export { dnsAdvice, saysNobody } from './dns-advice.ts';
export { UNREACHABLE_MIN_REPLICAS } from './donate.ts';
export { pausedBy, type AskedPod } from './explain-scene.ts';
export * from './explain.ts';
export * from './health.ts';
export { introductions } from './introductions.ts';
export * from './lease.ts';
export * from './lineage.ts';
export * from './loss.ts';
export * from './messages.ts';
export { isPaused } from './pause.ts';
export { isOfSameSet, ordinalOf, podNames } from './pod-names.ts';
export * from './position.ts';
export { planPromotion } from './promotion.ts';
export type { CandidateVerdict, FollowOrder, PromotionPlan } from './promotion-plan.ts';
export {
  sourceOf,
  type Instance,
  type PromotionOptions,
  type ReachableInstance,
  type UnreachableInstance,
} from './promotion-scene.ts';
export { readinessChecks, type Check, type Surroundings } from './readiness.ts';
export * from './replication-info.ts';
export * from './size-rule.ts';
export type * from './state.ts';
export { storeEveryMs, type StoredLease, type StoreOutcome, type StoreRecord, type StoreRequest } from './store.ts';
export * from './timings.ts';
export { isPodOfSet, isUncounted, knownPeers } from './turn.ts';
export { currentMaster, heldUntilMs, isFailsafe, isLeading, statusOf } from './view.ts';
