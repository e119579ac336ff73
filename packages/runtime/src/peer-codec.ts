import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  type PeerAnswer,
  type PeerRequest,
  type PeerStatus,
} from '@sentinel-micro/core';
import * as v from 'valibot';
import { OperationError } from './errors.ts';

const MAX_TEXT = 253;
const MAX_LIST = 64;
/** What was received is part of the text: a stranger must not fill the log with it. */
const MAX_ISSUE = 200;

const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const port = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535));
const term = v.pipe(count, v.transform(asTerm));
const pod = v.pipe(text, v.minLength(1), v.transform(asPodName));
const runId = v.nullable(v.pipe(text, v.transform(asRunId)));
const replid = v.pipe(text, v.transform(asReplicationId));
const offset = v.pipe(count, v.transform(asOffset));
const list = <Item extends v.GenericSchema>(item: Item) => v.pipe(v.array(item), v.maxLength(MAX_LIST));

const holder = v.object({ pod, uid: text });
const identity = v.object({ pod, uid: text, incarnation: text, ip: v.pipe(text, v.ip()), redisPort: port, port });
const historyFields = { replid, replid2: v.nullable(replid), secondReplOffset: v.nullable(offset), offset };
const announcement = v.object({
  term,
  pod,
  uid: text,
  ip: v.pipe(text, v.ip()),
  port,
  runId,
  history: v.object(historyFields),
});
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
  keys: v.nullable(count),
  ageMs: v.number(),
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

const envelope = { v: v.literal(1), cluster: text, from: identity, term };

const requestSchema = v.variant('type', [
  v.object({ ...envelope, type: v.literal('PREVOTE') }),
  v.object({ ...envelope, type: v.literal('ACQUIRE') }),
  v.object({
    ...envelope,
    type: v.literal('RENEW'),
    announcement: v.nullable(announcement),
    ranking: list(pod),
    members: list(member),
  }),
  v.object({
    ...envelope,
    type: v.literal('RELEASE'),
    to: v.nullable(pod),
    cause: v.picklist(['redis-dead', 'redis-hung', 'fenced', 'withdrawn']),
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
  }),
  v.object({
    ...envelope,
    type: v.literal('refused'),
    reason: v.picklist(['mute', 'stale-term', 'held', 'reserved', 'other-cluster', 'not-a-member', 'no-lease']),
    retryAfterMs: v.pipe(v.number(), v.minValue(0)),
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

export const encodeMessage = (message: PeerRequest | PeerAnswer | PeerStatus): string => JSON.stringify(message);

/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export const decodeRequest = (json: string): PeerRequest => decode(requestSchema, json, 'the request');
/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export const decodeAnswer = (json: string): PeerAnswer => decode(answerSchema, json, 'the answer');
/** @throws OperationError with code `BADMESSAGE`, naming the field. */
export const decodeStatus = (json: string): PeerStatus => decode(statusSchema, json, 'the status');
