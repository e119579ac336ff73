import type { Cluster, Pod } from '@sentinel-micro/testkit';
import * as fc from 'fast-check';
import { encodeRequest } from '../../../runtime/test/raw-client.ts';
import { recordCaptures } from '../../../runtime/test/resp-captures.ts';
import { fragment, mutate, mutation } from '../../../runtime/test/resp-hostile.ts';
import { Place } from '../../../runtime/test/support.ts';

interface Known {
  readonly cluster: string;
  readonly term: number;
  readonly from: Readonly<Record<string, unknown>>;
}

async function known(pod: Pod): Promise<Known> {
  return JSON.parse(String(await pod.sidecarCommand('PEER', 'STATUS'))) as Known;
}

type Message = Readonly<Record<string, unknown>>;

/** What each kind of message carries beside its envelope; `term` is that of the announcement. */
function bodies(from: Message, term: number): Message[] {
  const history = { replid: 'f'.repeat(40), replid2: null, secondReplOffset: null, offset: 1e15, ancestors: [] };
  const { pod, uid } = from;
  const announcement = {
    term,
    pod,
    uid,
    ip: '127.0.0.9',
    port: 6379,
    runId: 'f'.repeat(40),
    isFounded: false,
    history,
  };
  return [
    { type: 'PREVOTE' },
    { type: 'ACQUIRE' },
    { type: 'RENEW', announcement, ranking: [], members: [] },
    { type: 'RELEASE', to: null, cause: 'redis-dead' },
    { type: 'FREEZE' },
    { type: 'ANNOUNCE', announcement },
  ];
}

const messageOf = (message: Message): Buffer =>
  Buffer.from(encodeRequest(['PEER', String(message['type']), JSON.stringify(message)]));

/**
 * PEER messages that must have no effect, also on a set without a password. A message that is right in everything, with a
 * name, cluster and term that fit, is not among them: only a password keeps that out.
 */
export async function hostileMessages(cluster: Cluster): Promise<{ wrong: Message[]; replayed: Message[] }> {
  const all = await Promise.all(cluster.pods.map(known));
  const term = Math.max(...all.map((status) => status.term));
  const withBodies = (heads: readonly Message[], from: Message): Message[] =>
    heads.flatMap((head) => bodies(from, Number(head['term'])).map((body): Message => ({ ...head, ...body })));
  const wrong = all.flatMap(({ cluster: id, from }) => {
    const envelope = { v: 1, cluster: id, from, term };
    const heads: Message[] = [
      { ...envelope, cluster: 'redis.other/mymaster', term: term + 1 },
      { ...envelope, cluster: '__proto__', term: term + 1 },
      { ...envelope, from: { ...from, pod: 'redis-99' }, term: term + 1 },
      { ...envelope, from: { ...from, pod: 'constructor' }, term: term + 1 },
      { ...envelope, from: { ...from, pod: 'redis-0\u202e\u0000' }, term: term + 1 },
      { ...envelope, term: Number.MAX_SAFE_INTEGER },
      { ...envelope, term: 2 ** 53 },
      { ...envelope, term: term + 2_000_000 },
      { ...envelope, term: -1 },
      { ...envelope, term: 1e308 },
      { ...envelope, term: null },
      { ...envelope, v: 2 },
      { ...envelope, from: null },
      { ...envelope, from: { ...from, ip: 'localhost' } },
    ];
    return withBodies(heads, from);
  });
  // Genuine once, and played again: all that was said under the term before.
  const replayed = all.flatMap(({ cluster: id, from }) =>
    withBodies([{ v: 1, cluster: id, from, term: Math.max(0, term - 1) }], from),
  );
  return { wrong, replayed };
}

/** The streams that attacker.mjs plays. The same seed gives the same ones, up to what the set says of itself. */
export async function hostileStreams(cluster: Cluster, seed: number): Promise<Record<'garbage' | 'peer', string[]>> {
  const place = await Place.make();
  try {
    const captures = (await recordCaptures(place)).map((capture) => Buffer.concat(capture));
    const mutilated = fc
      .tuple(fc.constantFrom(...captures), fc.array(mutation, { minLength: 1, maxLength: 8 }))
      .map(([capture, mutations]) => mutations.reduce(mutate, capture));
    const nonsense = fc.array(fragment, { minLength: 1, maxLength: 30 }).map((fragments) => Buffer.concat(fragments));
    const garbage = fc.sample(fc.oneof(mutilated, nonsense), { numRuns: 3000, seed });
    const { wrong, replayed } = await hostileMessages(cluster);
    const whole = wrong.map(messageOf);
    // Not of the replayed ones: one bit more in the term, and it is a message that only a password would keep out.
    const broken = fc.sample(
      fc.tuple(fc.constantFrom(...whole), mutation).map(([message, change]) => mutate(message, change)),
      { numRuns: 500, seed },
    );
    const text = (bytes: Buffer): string => bytes.toString('base64');
    return { garbage: [...garbage, ...broken].map(text), peer: [...whole, ...replayed.map(messageOf)].map(text) };
  } finally {
    await place.remove();
  }
}
