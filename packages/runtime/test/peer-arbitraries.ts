import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  type AnswerBody,
  type PeerAnswer,
  type PeerRequest,
  type PeerStatus,
  type RequestBody,
} from '@sentinel-micro/core';
import * as fc from 'fast-check';

const text = fc.string({ unit: 'grapheme', maxLength: 60 });
const count = fc.maxSafeNat();
const ms = fc.double({ min: 0, max: 1e12, noNaN: true });
/** No longer than twice the longest lease and guard that the flags allow. */
const spanMs = fc.double({ min: 0, max: 4 * 86_400_000, noNaN: true });
const port = fc.integer({ min: 1, max: 65_535 });
const ip = fc.oneof(fc.ipV4(), fc.constantFrom('fd00::a', '::1', '2001:db8:0:0:1:2:3:4'));
const maybe = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | null> => fc.option(value, { nil: null });

const term = count.map(asTerm);
const pod = fc.stringMatching(/^[a-z][a-z0-9-]{0,60}$/).map(asPodName);
const runId = maybe(fc.stringMatching(/^[0-9a-f]{40}$/).map(asRunId));
const replid = fc.stringMatching(/^[0-9a-f]{40}$/).map(asReplicationId);
const offset = count.map(asOffset);
const holder = fc.record({ pod, uid: text });
const history = { replid, replid2: maybe(replid), secondReplOffset: maybe(offset), offset };
const ancestors = fc.array(fc.record({ replid, endOffset: offset }), { maxLength: 3 });
const lineage = { ...history, ancestors };
const announcement = fc.record({
  term,
  pod,
  uid: text,
  ip,
  port,
  runId,
  isFounded: fc.boolean(),
  history: fc.record(lineage),
});
const position = fc.record({
  ...history,
  runId,
  role: fc.constantFrom('master' as const, 'replica' as const),
  masterHost: maybe(text),
  masterPort: maybe(count),
  linkUp: fc.boolean(),
  priority: maybe(count),
  lastIoSecondsAgo: maybe(count),
  synced: fc.boolean(),
  intact: fc.boolean(),
  astray: fc.boolean(),
  keys: maybe(count),
  ageMs: ms,
});
const member = fc.record({
  pod,
  ip,
  port,
  runId,
  offset: count,
  priority: maybe(count),
  linkUp: fc.boolean(),
  lastIoSecondsAgo: maybe(count),
  isReachable: fc.boolean(),
});
const members = fc.array(member, { maxLength: 5 });
const ranking = fc.array(pod, { maxLength: 5 });

const envelope = fc.record({
  v: fc.constant(1 as const),
  cluster: text,
  from: fc.record({ pod, uid: text, incarnation: text, ip, redisPort: port, port, replicas: fc.nat(99) }),
  term,
});
/** Whoever names a term knows it: the message is of the newest one that is in it. */
function newestIn(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return Math.max(0, ...Object.entries(value).map(([key, part]) => (key === 'term' ? Number(part) : newestIn(part))));
}
const messageOf = <Body extends object>(body: fc.Arbitrary<Body>) =>
  fc.tuple(envelope, body).map(([head, rest]) => {
    return { ...head, term: asTerm(Math.max(head.term, newestIn(rest))), ...rest };
  });
const type = <Type extends string>(name: Type): fc.Arbitrary<Type> => fc.constant(name);

const requestBodies: { readonly [Type in RequestBody['type']]: fc.Arbitrary<Extract<RequestBody, { type: Type }>> } = {
  PREVOTE: fc.record({ type: type('PREVOTE') }),
  ACQUIRE: fc.record({ type: type('ACQUIRE') }),
  RENEW: fc.record({ type: type('RENEW'), announcement: maybe(announcement), ranking, members }),
  RELEASE: fc.record({
    type: type('RELEASE'),
    to: maybe(pod),
    cause: fc.constantFrom('redis-dead' as const, 'redis-hung' as const, 'fenced' as const),
  }),
  FREEZE: fc.record({ type: type('FREEZE') }),
  DONATE: fc.record({ type: type('DONATE') }),
  ANNOUNCE: fc.record({ type: type('ANNOUNCE'), announcement }),
};

const answerBodies: { readonly [Type in AnswerBody['type']]: fc.Arbitrary<Extract<AnswerBody, { type: Type }>> } = {
  granted: fc.record({
    type: type('granted'),
    position: maybe(position),
    announcement: maybe(announcement),
    promises: fc.array(fc.record({ term, holder }), { maxLength: 3 }),
    members,
  }),
  refused: fc.record({
    type: type('refused'),
    reason: fc.constantFrom(
      ...(['mute', 'stale-term', 'held', 'reserved', 'other-cluster', 'not-a-member', 'no-lease'] as const),
    ),
    retryAfterMs: spanMs,
    announcement: maybe(announcement),
  }),
  frozen: fc.record({ type: type('frozen'), position: maybe(position) }),
  ok: fc.record({ type: type('ok') }),
};

/** Any request, by its type; a type that is missing here does not compile. */
export const requests: readonly (readonly [string, fc.Arbitrary<PeerRequest>])[] = Object.entries(requestBodies).map(
  ([name, body]) => [name, messageOf<RequestBody>(body)],
);
export const answers: readonly (readonly [string, fc.Arbitrary<PeerAnswer>])[] = Object.entries(answerBodies).map(
  ([name, body]) => [name, messageOf<AnswerBody>(body)],
);
export const status: fc.Arbitrary<PeerStatus> = messageOf(
  fc.record({
    role: fc.constantFrom('follower' as const, 'candidate' as const, 'holder' as const),
    phase: maybe(text),
    reason: text,
    leaseHolder: maybe(holder),
    leaseRemainingMs: ms,
    mutedForMs: ms,
    master: maybe(announcement),
    masterIsFresh: fc.boolean(),
    redis: fc.record({ health: text, reason: text, position: maybe(position) }),
    members,
    ranking,
    refusedMessages: count,
  }),
);
