import { sharesAncestry, type History } from './lineage.ts';
import type { Announcement, Position } from './messages.ts';
import type { PodName } from './brand.ts';
import { hasKeys } from './position.ts';
import type { Frozen } from './state.ts';

const shownIn = (frozen: Frozen): readonly Position[] => Object.values(frozen).filter((one) => one !== undefined);

/**
 * A set without any data is founded by promoting an empty Redis. When not all pods have shown that they are empty too, one of the
 * others may have all the data: its sidecar was restarting, say, as all others were, so nobody remembers it. Such a pod does not
 * follow the founder, for that would throw its data away; and a founder that is still empty gives way to it.
 */
export function foundsASet(frozen: Frozen, members: readonly PodName[]): boolean {
  return members.some((pod) => frozen[pod] === undefined) && !shownIn(frozen).some((one) => hasKeys(one));
}

/** True when a Redis has data that would be thrown away for the sake of a founder. */
export function isUnknownToFounder(redis: History & { readonly keys: number | null }, master: Announcement): boolean {
  return master.isFounded && hasKeys(redis) && !sharesAncestry(redis, master.history);
}

/** The newest history that counts in an election: a founder's does not, when it is still empty and somebody has data. */
export function historyThatCounts(old: Announcement | null, frozen: Frozen): Announcement['history'] | null {
  if (old === null) return null;
  const shown = shownIn(frozen);
  const isNothing = !shown.some((one) => hasKeys(one) && sharesAncestry(one, old.history));
  return isNothing && shown.some((one) => isUnknownToFounder(one, old)) ? null : old.history;
}

/** The founding is over when all the others follow: nobody is left who could have shown up with data. */
export function haveAllJoined(others: readonly (Position | null)[], master: Announcement): boolean {
  return others.every((one) => one?.linkUp === true && sharesAncestry(one, master.history));
}
