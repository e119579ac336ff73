// The watch of a StatefulSet comes back from whatever ends it, tells each state once, and does not storm a server in trouble.
import { expect, test } from '@jest/globals';
import { nowMs, sleep } from '@sentinel-micro/testkit';
import type { KubeError, KubeWatch } from '../src/index.ts';
import { api, connect, RULES, until, useStandIn } from './support.ts';

useStandIn();

interface Told {
  readonly replicas: (number | undefined)[];
  readonly troubles: KubeError[];
  readonly watch: KubeWatch;
}

function watching(change: Parameters<typeof connect>[0] = {}): Told {
  const [replicas, troubles]: [(number | undefined)[], KubeError[]] = [[], []];
  const watch = connect({ random: () => 0.5, ...change }).watchStatefulSet(
    'redis',
    ({ spec }) => replicas.push(spec?.replicas),
    (error) => troubles.push(error),
  );
  return { replicas, troubles, watch };
}

function scale(replicas: number): void {
  api.put('statefulsets', { metadata: { name: 'redis' }, spec: { replicas } });
}

/** Until it watches: what has changed since the list was told would come with the watch. */
async function settled({ replicas }: Told): Promise<void> {
  await until('the first state and a watch', () => replicas.length > 0 && api.watches.count > 0);
}

function asked(verb: string): number {
  return api.requests.filter((request) => request.verb === verb).length;
}

test('a cut between two events: told as a trouble, and what happened meanwhile is told after it', async () => {
  const told = watching();
  await settled(told);
  api.watches.cut();
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect(told.replicas).toEqual([3, 4]);
  expect(told.troubles.map(({ reason }) => reason)).toEqual(['ECONNRESET']);
  expect([asked('list'), asked('watch')]).toEqual([1, 2]);
});

test('a cut in the middle of an event: half of it is nothing', async () => {
  const told = watching();
  await settled(told);
  api.watches.cut('{"type":"MODIFIED","object":{"kind":"StatefulSet","metadata":{"na');
  await until('the trouble', () => told.troubles.length > 0);
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect(told.replicas).toEqual([3, 4]);
});

test('an event in two pieces, and two in one', async () => {
  const told = watching();
  await settled(told);
  const line = (replicas: number): string => {
    const metadata = { name: 'redis', namespace: 'shop', uid: 'u', resourceVersion: String(9000 + replicas) };
    return `${JSON.stringify({ type: 'MODIFIED', object: { kind: 'StatefulSet', metadata, spec: { replicas } } })}\n`;
  };
  api.watches.send(line(4).slice(0, 30));
  await sleep(20);
  expect(told.replicas).toEqual([3]);
  api.watches.send(line(4).slice(30) + line(5) + line(6));
  await until('the changes', () => told.replicas.length > 3);
  expect(told.replicas).toEqual([3, 4, 5, 6]);
});

test('a watch that the server ends in order is no trouble', async () => {
  const told = watching();
  await settled(told);
  api.watches.end();
  await until('the next watch', () => asked('watch') > 1 && api.watches.count > 0);
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect([told.replicas, told.troubles]).toEqual([[3, 4], []]);
});

test('a version that the server has forgotten (410): a list tells what is now, and nothing is told twice', async () => {
  const told = watching();
  await settled(told);
  // The watch begins from here, and all that follows is forgotten.
  api.put('pods', { metadata: { name: 'redis-0', labels: { a: 'b' } } });
  api.watches.cut();
  api.compact();
  await until('a second list, and a watch', () => asked('list') > 1 && api.watches.count > 0);
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect(told.replicas).toEqual([3, 4]);
  expect(told.troubles.map(({ status, reason }) => [status, reason])).toEqual([[null, 'ECONNRESET']]);
});

test('after a bookmark, a watch goes on from there: no list is needed when the server forgets what was before', async () => {
  const told = watching();
  await settled(told);
  api.put('pods', { metadata: { name: 'redis-0', labels: { a: 'b' } } });
  api.watches.bookmark();
  await sleep(50);
  api.compact();
  api.watches.cut();
  await until('the next watch', () => asked('watch') > 1 && api.watches.count > 0);
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect([told.replicas, asked('list')]).toEqual([[3, 4], 1]);
});

test('the API away, and back', async () => {
  const told = watching();
  await settled(told);
  await api.goAway();
  await until('the troubles', () => told.troubles.length > 1);
  scale(5);
  await api.comeBack();
  await until('the change', () => told.replicas.length > 1);
  expect(told.replicas).toEqual([3, 5]);
  for (const { mayHaveBeenDone } of told.troubles) expect(mayHaveBeenDone).toBe(false);
});

test('no permission: told, and tried again until there is one', async () => {
  const token = api.grant('redis-0', []);
  const told = watching({ source: api.podAccess(token) });
  await until('the refusal', () => told.troubles.length > 0);
  expect(told.troubles[0]).toMatchObject({ status: 403, reason: 'Forbidden' });
  api.grant('redis-0', RULES);
  await settled(told);
  expect(told.replicas).toEqual([3]);
});

test('Retry-After is heeded', async () => {
  const refusal = api.fail({ kind: 'status', status: 429, retryAfter: '2' }, { times: 1 });
  const startedAtMs = nowMs();
  const told = watching();
  await settled(told);
  expect(refusal.met).toBe(1);
  expect(told.troubles.map(({ status }) => status)).toEqual([429]);
  expect(nowMs() - startedAtMs).toBeGreaterThan(2000);
});

test('troubles without end: fewer and fewer attempts', async () => {
  api.fail({ kind: 'status', status: 500 });
  const told = watching();
  // 375, 750, 1500 ms: half of 500, 1000, 2000 and half of the other half.
  await sleep(2000);
  expect(told.troubles).toHaveLength(3);
});

test('a watch that ends as soon as it begins is not asked for without a pause', async () => {
  api.fail({ kind: 'status', status: 200, body: '' }, { isWatch: true });
  watching();
  await sleep(1500);
  expect(asked('watch')).toBeLessThan(5);
});

test.each([
  ['no JSON', 'hello\n'],
  ['no event', '{}\n'],
  ['another object', '{"type":"MODIFIED","object":{"kind":"StatefulSet","metadata":{"name":"other"}}}\n'],
  ['an error of the server', '{"type":"ERROR","object":{"kind":"Status","code":500,"reason":"InternalError"}}\n'],
])('%s in a watch is a trouble, and not the end', async (_what, text) => {
  const told = watching();
  await settled(told);
  api.watches.send(text);
  await until('the trouble', () => told.troubles.length > 0);
  scale(4);
  await until('the change', () => told.replicas.length > 1);
  expect(told.replicas).toEqual([3, 4]);
});

test('an event without an end is not kept', async () => {
  const told = watching();
  await settled(told);
  api.watches.send('x'.repeat(3 * 1024 * 1024));
  await until('the trouble', () => told.troubles.length > 0);
  expect(told.troubles[0]?.reason).toBe('BadAnswer');
});

test('once stopped, also from within, it tells nothing and asks nothing', async () => {
  const client = connect();
  const told: unknown[] = [];
  const watch = client.watchStatefulSet(
    'redis',
    (now) => {
      told.push(now);
      watch.stop();
    },
    (error) => told.push(error),
  );
  await until('the first state', () => told.length > 0);
  scale(4);
  api.cutConnections();
  await sleep(700);
  expect([told.length, asked('watch')]).toEqual([1, 0]);
});

test('closing the client ends its watches silently', async () => {
  const client = connect();
  const told: unknown[] = [];
  client.watchStatefulSet(
    'redis',
    (now) => told.push(now),
    (error) => told.push(error),
  );
  await until('the first state and a watch', () => told.length > 0 && api.watches.count > 0);
  client.close();
  await until('the end of the watch', () => api.watches.count === 0);
  await sleep(600);
  expect(told).toHaveLength(1);
});
