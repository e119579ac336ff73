import { quorumOf } from './lease.ts';

/**
 * The number of pods by which a sidecar counts its quorum (N) moves by one at a time: majorities of N and of N+1 have a voter in
 * common, those of 3 and of 5 need not (Ongaro 2014, section 4.1). Nothing of it is on a disk that outlives the pod, so it is not
 * enough that a majority knows the new number: all pods that exist have to count by the old one before the next step is taken.
 * Then any two that live count by the same number or by neighbours, and a pod that has forgotten all may believe any of the others.
 */
export type SizeStep =
  /** Nothing to do. */
  | { readonly kind: 'none' }
  /** Not yet, and why. */
  | { readonly kind: 'wait'; readonly why: string }
  /** This pod is the one that would not be counted any more: somebody else has to lead first. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'step'; readonly to: number };

/**
 * Must a pod that counts by `other` be reckoned with as one whose quorums need not overlap with those of `own`?
 * @param isResizable N follows the StatefulSet: neighbours are in the middle of a step then, and 0 is one that does not know yet
 */
export function countsOtherwise(isResizable: boolean, own: number, other: number): boolean {
  if (!isResizable) return own !== other;
  return own !== 0 && other !== 0 && Math.abs(own - other) > 1;
}

/** What the StatefulSet says. */
export interface StatefulSetView {
  /** `spec.replicas`. */
  readonly wanted: number;
  /**
   * How many pods of it exist, whatever their state (`status.replicas`); null when its controller has not said so since the last
   * change of its spec. Who hears as many hears all that there are.
   */
  readonly existing: number | null;
}

/** What one pod counts by, by its own recent word. 0: it does not know. */
export interface SizeReport {
  readonly ordinal: number;
  readonly replicas: number;
}

const NONE: SizeStep = { kind: 'none' };

/** Those that stay are made anew when they are gone, at any moment: each of them has to be heard itself. */
function whyNotWhole({ ordinal }: SizeReport, heard: readonly SizeReport[], stays: number): string | null {
  for (let one = 0; one < stays; one += 1) {
    if (one !== ordinal && !heard.some((other) => other.ordinal === one))
      return `pod ${String(one)} does not renew the lease`;
  }
  return null;
}

function whyNotAllHeard(heard: readonly SizeReport[], existing: number | null): string | null {
  if (existing === null) return "the StatefulSet's controller has not acted on its spec yet";
  const isAll = heard.length + 1 >= existing;
  return isAll ? null : `${String(existing)} pods exist, and ${String(heard.length + 1)} of them are heard`;
}

function whyNotAllAlike(heard: readonly SizeReport[], replicas: number): string | null {
  const other = heard.find((one) => one.replicas !== replicas);
  return other === undefined ? null : `pod ${String(other.ordinal)} counts by ${String(other.replicas)}`;
}

/**
 * The next step of the one who holds the lease.
 * @param heard the other pods that have renewed this very lease, within its time
 */
export function leaderStep(
  self: SizeReport,
  { wanted, existing }: StatefulSetView,
  heard: readonly SizeReport[],
): SizeStep {
  const { replicas, ordinal } = self;
  if (wanted === replicas) return NONE;
  const to = replicas + Math.sign(wanted - replicas);
  // One that does not exist could only make the quorum harder to reach.
  if (to > replicas && !heard.some((one) => one.ordinal === replicas))
    return { kind: 'wait', why: `pod ${String(replicas)} does not vote yet` };
  const stays = Math.min(to, replicas, wanted);
  const why = whyNotWhole(self, heard, stays) ?? whyNotAllHeard(heard, existing) ?? whyNotAllAlike(heard, replicas);
  if (why !== null) return { kind: 'wait', why };
  return ordinal >= to ? { kind: 'leave' } : { kind: 'step', to };
}

/**
 * The way out when pods went away faster than N could follow, and those that are left can not be a quorum: nobody can lead. When
 * all that exist are heard, and count alike, pod 0 goes down by one, and the others follow it.
 * @param heard the other pods that have answered within a lease, while no lease was known
 */
export function stuckStep(
  self: SizeReport,
  { wanted, existing }: StatefulSetView,
  heard: readonly SizeReport[],
): SizeStep {
  const { replicas, ordinal } = self;
  if (wanted >= replicas || existing === null || existing >= quorumOf(replicas)) return NONE;
  const to = replicas - 1;
  if (ordinal !== 0) {
    const isAhead = heard.some((one) => one.ordinal === 0 && one.replicas === to);
    return isAhead ? { kind: 'step', to } : NONE;
  }
  const why = whyNotAllHeard(heard, existing) ?? whyNotAllAlike(heard, replicas);
  return why === null ? { kind: 'step', to } : { kind: 'wait', why };
}

/**
 * By what a pod begins to count that has forgotten all, and hears nobody who knows: the StatefulSet's number, when all pods that exist
 * are heard, and none knows. One that is not heard may know of another number, and count with those that meet it later. Two that
 * have looked at different moments may have seen different numbers, so only pod 0 takes it from there, and the others from pod 0.
 * @param heard the other pods that have answered within a lease
 */
export function startingSize(
  ordinal: number,
  { wanted, existing }: StatefulSetView,
  heard: readonly SizeReport[],
): SizeStep {
  if (ordinal !== 0) return { kind: 'wait', why: 'no other pod has told by how many it counts' };
  const why = whyNotAllHeard(heard, existing) ?? whyNotAllAlike(heard, 0);
  return why === null ? { kind: 'step', to: wanted } : { kind: 'wait', why };
}
