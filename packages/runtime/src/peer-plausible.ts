import type { PeerAnswer, PeerRequest, PodIdentity, Term } from '@sentinel-micro/core';

/**
 * So far may a term be ahead of the newest one known here. Terms grow by one with each campaign that passes its pre-vote, so a
 * million takes days of nothing but failovers. Without a bound one forged or broken message would raise the terms of the
 * whole set to the greatest number that there is, and there could be no election after it.
 */
const MAX_LEAP = 1_000_000;
/** For a sidecar that knows no term yet: room for one campaign a millisecond for thirty years, and as much again above it. */
const MAX_FIRST_TERM = 2 ** 40;

/** Can there be such a term, as far as a sidecar knows whose newest one is `known`? */
export function isPlausibleTerm(term: Term, known: Term): boolean {
  return term <= (known === 0 ? MAX_FIRST_TERM : known + MAX_LEAP);
}

const FITTING: Readonly<Record<PeerRequest['type'], readonly PeerAnswer['type'][]>> = {
  PREVOTE: ['granted', 'refused'],
  ACQUIRE: ['granted', 'refused'],
  RENEW: ['granted', 'refused'],
  RELEASE: ['ok', 'refused'],
  FREEZE: ['frozen', 'refused'],
  DONATE: ['frozen', 'refused'],
  ANNOUNCE: ['ok', 'refused'],
};

/**
 * What is wrong with an answer as one to `request`, asked of the sidecar `from`; null when nothing is. A vote that was given
 * earlier, by somebody else, or to something else must not count.
 */
export function mismatchOf(answer: PeerAnswer, request: PeerRequest, from: PodIdentity): string | null {
  if (answer.cluster !== request.cluster) return `it is of another cluster (${answer.cluster})`;
  if (answer.from.pod !== from.pod || answer.from.incarnation !== from.incarnation) {
    return `it is of ${answer.from.pod}, but ${from.pod} was asked`;
  }
  if (!FITTING[request.type].includes(answer.type)) return `${answer.type} is no answer to ${request.type}`;
  // Who grants a lease, or freezes for it, knows its term from then on. (A pre-vote leaves no trace.)
  const isPromise = request.type !== 'PREVOTE' && answer.type !== 'refused';
  if (isPromise && request.type !== 'RELEASE' && answer.term < request.term) {
    return `it is of the older term ${String(answer.term)}, but ${request.type} was of term ${String(request.term)}`;
  }
  return null;
}
