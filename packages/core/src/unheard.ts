import { asOffset, type RunId } from './brand.ts';
import { historyThatCounts } from './founding.ts';
import { isPartOf, lineageBeyond, sharesAncestry, type Lineage } from './lineage.ts';
import type { Announcement, MemberView, Position } from './messages.ts';
import { dataQuorumOf } from './position.ts';
import type { Frozen } from './state.ts';

/** The processes that had the announced history, by the last that was heard of it: its master, and those that were linked to it. */
function witnessesOf(old: Announcement, members: readonly MemberView[]): readonly RunId[] {
  const linked = members.filter(({ linkUp }) => linkUp).map(({ runId }) => runId);
  return [old.runId, ...linked].filter((runId) => runId !== null);
}

/**
 * True when a process that had the known history must have gone on from it, though it shows no id of it any more. A Redis remembers
 * one promotion; only a full sync takes from it what it had, and that leaves it without a second id. So one with a second id has all
 * that it had, and when it branched off beyond what anybody shows of the known history, it has that as well.
 */
function hasGoneOn(one: Position, known: Lineage, ofKnown: readonly Position[]): boolean {
  const { replid2, secondReplOffset } = one;
  if (replid2 === null || secondReplOffset === null || sharesAncestry(one, known)) return false;
  return Math.max(known.offset, ...ofKnown.map(({ offset }) => offset)) < secondReplOffset;
}

/** It is what it was when the known history began: a full sync would have left it without a second id. */
function isUntouched({ replid, replid2, secondReplOffset, offset }: Position, known: Lineage): boolean {
  const isSame = replid === known.replid && replid2 === known.replid2 && secondReplOffset === known.secondReplOffset;
  return isSame && secondReplOffset !== null && offset < secondReplOffset;
}

/**
 * The announced master is here, and has written nothing since it was promoted, so nobody has anything under its id. When the history
 * before has gone on all the same (its master could not be reached, and was not detached), that is the one that counts: what was
 * confirmed since is in it, and it has all that the announced one has.
 */
function withoutIdlePromotion(old: Announcement, known: Lineage, shown: readonly Position[]): Lineage {
  const { replid2, secondReplOffset, ancestors } = known;
  if (replid2 === null || secondReplOffset === null) return known;
  const isIdle = shown.some((one) => one.runId !== null && one.runId === old.runId && isUntouched(one, known));
  if (!isIdle) return known;
  const further = shown.filter(({ replid, offset }) => replid === replid2 && offset >= secondReplOffset);
  if (further.length === 0) return known;
  const offset = asOffset(Math.max(...further.map((one) => one.offset)));
  return { replid: replid2, replid2: null, secondReplOffset: null, offset, ancestors };
}

/**
 * The newest history that is known of in an election: the announced one, or one that has gone on from it over several promotions that
 * nobody here has heard of, because those who have are out of reach, or have restarted without a memory. As one promotion that is
 * unheard, it does not count when half of the pods have remained in the announced one: then it can have no confirmed write.
 * @param members what the last holder told of the pods beside the master
 * @returns null when there is none, at a cold start
 */
export function newestHistory(
  old: Announcement | null,
  members: readonly MemberView[],
  frozen: Frozen,
  replicas: number,
): Lineage | null {
  const counting = historyThatCounts(old, frozen);
  if (old === null || counting === null) return counting;
  const shown = Object.values(frozen).filter((one) => one?.intact === true && !one.astray) as Position[];
  const known = withoutIdlePromotion(old, counting, shown);
  const ofKnown = shown.filter((one) => isPartOf(one, known));
  if (ofKnown.length >= dataQuorumOf(replicas)) return known;
  const witnesses = witnessesOf(old, members);
  const [newest] = shown
    .filter((one) => one.unannounced !== true && one.runId !== null && witnesses.includes(one.runId))
    .filter((one) => hasGoneOn(one, known, ofKnown))
    .sort(
      (a, b) =>
        Number(b.secondReplOffset) - Number(a.secondReplOffset) ||
        b.offset - a.offset ||
        (a.replid < b.replid ? -1 : 1),
    );
  return newest === undefined ? known : lineageBeyond(newest, known);
}
