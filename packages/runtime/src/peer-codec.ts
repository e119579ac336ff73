import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  CHANGE_CAUSES,
  type Memory,
  type PeerAnswer,
  type PeerRequest,
  type PeerStatus,
  type StoredLease,
  type Term,
} from '@sentinel-micro/core';
import * as v from 'valibot';
import { OperationError } from './errors.ts';

const MAX_TEXT = 253;
const MAX_LIST = 64;
/** Twice the longest lease and guard that the flags allow. */
const MAX_SPAN_MS = 2 * 2 * 86_400_000;
/** No term of a set that lives for thirty years comes near it. */
const MAX_STORED_TERM = 2 ** 40;
/** What etcd and the API take is far more. */
const MAX_STORED = 32_768;
/** What was received is part of the text: a stranger must not fill the log with it. */
const MAX_ISSUE = 200;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
/** Far from where a number can not be counted on. */
const pauses = v.pipe(count, v.maxValue(2 ** 40));
const age = v.pipe(v.number(), v.finite(), v.minValue(0));
const span = v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_SPAN_MS));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const term = v.pipe(count, v.transform(asTerm));
const pod = v.pipe(text, v.minLength(1), v.transform(asPodName));
const runId = v.nullable(v.pipe(text, v.transform(asRunId)));
const replid = v.pipe(text, v.transform(asReplicationId));
const offset = v.pipe(count, v.transform(asOffset));
const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(MAX_LIST));

const holder = v.object({ pod, uid: text });
const identity = v.object({
  pod,
  uid: text,
  incarnation: text,
  ip: v.pipe(text, v.ip()),
  redisPort: port,
  port,
  replicas: count,
  store: v.exactOptional(v.literal('kubernetes')),
});
const historyFields = { replid, replid2: v.nullable(replid), secondReplOffset: v.nullable(offset), offset };
const cause = v.picklist(CHANGE_CAUSES);
const phases = v.pipe(
  v.record(text, age),
  v.check((value) => Object.keys(value).length <= MAX_LIST),
);
const succession = { from: v.nullable(pod), cause, phasesMs: phases };
const announcement = v.object({
  term,
  pod,
  uid: text,
  ip: v.pipe(text, v.ip()),
  port,
  runId,
  isFounded: v.boolean(),
  history: v.object({ ...historyFields, ancestors: list(v.object({ replid, endOffset: offset })) }),
  succession: v.exactOptional(v.object(succession)),
});
const change = v.object({ ...succession, term, to: pod, ageMs: age, discardedBytes: v.nullable(count) });
const position = v.object({
  ...historyFields,
  runId,
  role: v.picklist(['master', 'replica']),
  masterHost: v.nullable(text),
  masterPort: v.nullable(count),
  linkUp: v.boolean(),
  priority: v.nullable(count),
  lastIoSecondsAgo: v.nullable(count),
  synced: v.nullable(v.boolean()),
  intact: v.boolean(),
  astray: v.boolean(),
  keys: v.nullable(count),
  ageMs: age,
  canSave: v.exactOptional(v.boolean()),
  unannounced: v.exactOptional(v.boolean()),
});

const member = v.object({
  pod,
  ip: v.pipe(text, v.ip()),
  port,
  runId,
  offset: count,
  priority: v.nullable(count),
  linkUp: v.boolean(),
  lastIoSecondsAgo: v.nullable(count),
  isReachable: v.boolean(),
});

const envelope = { v: v.literal(1), cluster: text, from: identity, term, pauses: v.exactOptional(pauses) };

const requestSchema = v.variant('type', [
  v.object({ ...envelope, type: v.literal('PREVOTE') }),
  v.object({ ...envelope, type: v.literal('ACQUIRE') }),
  v.object({
    ...envelope,
    type: v.literal('RENEW'),
    announcement: v.nullable(announcement),
    ranking: list(pod),
    members: list(member),
    keeps: v.exactOptional(count),
  }),
  v.object({
    ...envelope,
    type: v.literal('RELEASE'),
    to: v.nullable(pod),
    cause: v.picklist(['redis-dead', 'redis-hung', 'fenced', 'withdrawn', 'switchover', 'handover', 'failover']),
  }),
  v.object({ ...envelope, type: v.literal('FREEZE') }),
  v.object({ ...envelope, type: v.literal('DONATE') }),
  v.object({ ...envelope, type: v.literal('ANNOUNCE'), announcement }),
]);

const answerSchema = v.variant('type', [
  v.object({
    ...envelope,
    type: v.literal('granted'),
    position: v.nullable(position),
    announcement: v.nullable(announcement),
    promises: list(v.object({ term, holder })),
    members: list(member),
  }),
  v.object({
    ...envelope,
    type: v.literal('refused'),
    reason: v.picklist(['mute', 'stale-term', 'held', 'reserved', 'other-cluster', 'not-a-member', 'no-lease']),
    retryAfterMs: span,
    announcement: v.nullable(announcement),
  }),
  v.object({ ...envelope, type: v.literal('frozen'), position: v.nullable(position) }),
  v.object({ ...envelope, type: v.literal('ok') }),
]);

const statusSchema = v.object({
  ...envelope,
  role: v.picklist(['follower', 'candidate', 'holder']),
  phase: v.nullable(text),
  reason: v.string(),
  leaseHolder: v.nullable(holder),
  leaseRemainingMs: v.number(),
  mutedForMs: v.number(),
  master: v.nullable(announcement),
  masterIsFresh: v.boolean(),
  redis: v.object({ health: text, reason: v.string(), position: v.nullable(position) }),
  members: list(member),
  ranking: list(pod),
  refusedMessages: count,
  changes: v.exactOptional(list(change)),
  store: v.exactOptional(
    v.object({
      kind: v.literal('kubernetes'),
      trouble: v.nullable(v.string()),
      answeredAgoMs: v.nullable(age),
      isFailsafe: v.boolean(),
    }),
  ),
});

function decode<Schema extends v.GenericSchema>(schema: Schema, json: string, what: string): v.InferOutput<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw new OperationError('BADMESSAGE', `${what} is not JSON`, error);
  }
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw new OperationError(
    'BADMESSAGE',
    `${what} is not valid at ${v.getDotPath(issue) ?? 'the top'}: ${issue.message.slice(0, MAX_ISSUE)}`,
  );
}

interface Named {
  readonly term: Term;
}

/** Whoever names a term knows it, so no message can name a newer one than its own. */
function withoutNewerTerms<Message extends Named>(
  message: Message,
  named: readonly (Named | null)[],
  what: string,
): Message {
  const newer = named.find((one) => one !== null && one.term > message.term);
  if (newer == null) return message;
  throw new OperationError(
    'BADMESSAGE',
    `${what} is not valid: of term ${String(message.term)}, but it names term ${String(newer.term)}`,
  );
}

export const encodeMessage = (message: PeerRequest | PeerAnswer | PeerStatus): string => JSON.stringify(message);

/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export function decodeRequest(json: string): PeerRequest {
  const request = decode(requestSchema, json, 'the request');
  return withoutNewerTerms(request, 'announcement' in request ? [request.announcement] : [], 'the request');
}

/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export function decodeAnswer(json: string): PeerAnswer {
  const answer = decode(answerSchema, json, 'the answer');
  const promises = 'promises' in answer ? answer.promises : [];
  const announcement = 'announcement' in answer ? answer.announcement : null;
  return withoutNewerTerms(answer, [announcement, ...promises], 'the answer');
}

/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export function decodeStatus(json: string): PeerStatus {
  const status = decode(statusSchema, json, 'the status');
  return withoutNewerTerms(status, [status.master], 'the status');
}

const memorySchema = v.object({
  cluster: text,
  term,
  announcement: v.nullable(announcement),
  pauses: v.exactOptional(pauses),
  replicas: v.exactOptional(count),
});

export const encodeMemory = (
  cluster: string,
  { term: newest, announcement: last, pauses = 0, replicas }: Memory,
): string => JSON.stringify({ cluster, term: newest, announcement: last, pauses, replicas });

/**
 * What a sidecar of `cluster` has kept for its next life.
 * @throws OperationError with code `BADMESSAGE`, naming the field.
 */
export function decodeMemory(cluster: string, json: string): Memory {
  const { cluster: of, ...memory } = decode(memorySchema, json, 'the memory');
  if (of === cluster) return memory;
  throw new OperationError('BADMESSAGE', `the memory is of the cluster ${of}, not of ${cluster}`);
}

const storedLeaseSchema = v.object({
  v: v.literal(1),
  cluster: text,
  holder: v.object({ pod, uid: text, incarnation: text }),
  isReleased: v.boolean(),
  to: v.nullable(pod),
  term: v.pipe(count, v.maxValue(MAX_STORED_TERM), v.transform(asTerm)),
  grantMs: span,
  replicas: v.pipe(count, v.minValue(1), v.maxValue(MAX_LIST)),
  announcement: v.nullable(announcement),
});

/**
 * A lease as it is written down in a store.
 * @param writes has to be another one at each write: a store may leave a record as it is that says the same as before
 */
export function encodeStoredLease(cluster: string, lease: StoredLease, writes: number): string {
  // Why the master moved is told by the pods; there is no need of it here.
  const who = Object.entries(lease.announcement ?? {}).filter(([field]) => field !== 'succession');
  const last = lease.announcement === null ? null : Object.fromEntries(who);
  return JSON.stringify({ v: 1, cluster, ...lease, announcement: last, writes });
}

/**
 * @returns the lease, and the cluster that it is of
 * @throws OperationError with code `BADMESSAGE`, naming the field.
 */
export function decodeStoredLease(json: string): { readonly cluster: string; readonly lease: StoredLease } {
  if (json.length > MAX_STORED) throw new OperationError('BADMESSAGE', 'the lease is not valid: it is too long');
  const { cluster, holder: who, announcement: last, ...rest } = decode(storedLeaseSchema, json, 'the lease');
  const { isReleased, to, term: of, grantMs, replicas } = rest;
  const lease = { holder: who, isReleased, to, term: of, grantMs, replicas, announcement: last };
  return { cluster, lease: withoutNewerTerms(lease, [last], 'the lease') };
}
