import type { Expectations } from './scenario.ts';
import type { RunResult } from './result.ts';
import type { ReadBack } from './read-back.ts';

/** What is looked at to say whether all that must follow did follow. */
export type Evidence = Pick<
  RunResult,
  | 'confirmedLost'
  | 'refusedButPresent'
  | 'lost'
  | 'overlapMs'
  | 'promotions'
  | 'moves'
  | 'terms'
  | 'writableAfterMs'
  | 'confirmed'
> &
  Pick<ReadBack, 'disagreements' | 'sizes' | 'firstLost'>;

/** Every way in which a run is not as it must be, one sentence each; empty when all is well. */
export function violationsOf(evidence: Evidence, expect: Expectations): string[] {
  return [...always(evidence), ...besides(evidence, expect)];
}

/** What must follow always. */
function always(evidence: Evidence): string[] {
  const { confirmedLost, confirmed, firstLost, refusedButPresent, disagreements, sizes } = evidence;
  const found: string[] = [];
  if (confirmedLost > 0) {
    const keys = firstLost.map(({ key }) => key).join(', ');
    found.push(`${confirmedLost} of ${confirmed} confirmed writes are lost: ${keys}`);
  }
  // A run in which nothing was confirmed shows nothing.
  if (confirmed === 0) found.push('no write was confirmed at all');
  if (refusedButPresent > 0) found.push(`${refusedButPresent} refused writes were done all the same`);
  if (disagreements > 0) found.push(`replicas have other values than the master for ${disagreements} keys`);
  if (new Set(sizes).size > 1) found.push(`the pods have different numbers of keys: ${sizes.join(', ')}`);
  return found;
}

function besides(evidence: Evidence, expect: Expectations): string[] {
  const { overlapMs, promotions, moves, terms, lost, writableAfterMs } = evidence;
  const { overlapMs: allowedMs = 0, writableWithinMs, isLossless } = expect;
  const found: string[] = [];
  if (overlapMs > allowedMs) {
    found.push(`two masters took writes for ${overlapMs.toFixed(0)} ms; ${allowedMs} ms are allowed`);
  }
  if (!isWithin(promotions, expect.promotions)) {
    found.push(`a replica became master ${promotions} times instead of ${describe(expect.promotions)}`);
  }
  if (!isWithin(moves, expect.moves)) {
    found.push(`the master moved ${moves} times instead of ${describe(expect.moves)}`);
  }
  if (terms !== null && !isWithin(terms, expect.terms)) {
    found.push(`the term grew by ${terms} instead of ${describe(expect.terms)}`);
  }
  if (isLossless === true && lost > 0) found.push(`${lost} acknowledged writes are lost, none may be`);
  if (writableWithinMs !== undefined && (writableAfterMs ?? 0) > writableWithinMs) {
    found.push(`writable again after ${(writableAfterMs ?? 0).toFixed(0)} ms; ${writableWithinMs} ms are allowed`);
  }
  return found;
}

function isWithin(count: number, allowed: Expectations['promotions']): boolean {
  if (allowed === undefined) return true;
  const [from, to] = typeof allowed === 'number' ? [allowed, allowed] : allowed;
  return from <= count && count <= to;
}

function describe(allowed: Expectations['promotions']): string {
  return typeof allowed === 'object' ? `${allowed[0]} to ${allowed[1]}` : String(allowed);
}
