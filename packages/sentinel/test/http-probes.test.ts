// What the kubelet reads: docs/adr/0008-probes.md.
import { describe, expect, test } from '@jest/globals';
import { PODS, TIMINGS } from '../../core/test/support.ts';
import type { Story } from '../../core/test/support.ts';
import { NO_COUNTERS, type Counters } from '../src/http/counters.ts';
import { createPages, type PagePorts } from '../src/http/pages.ts';
import { STUCK_AFTER_MS } from '../src/http/probes.ts';
import { Naming, OLDEST_ANSWER_MS } from '../src/http/naming.ts';
import type { Answer } from '../src/http/server.ts';
import { follower, leader, newcomer } from './commands-support.ts';

const NAMED = PODS.map((podName, index) => ({ ip: `10.0.0.${String(index + 1)}`, podName }));

/** The pages of a sidecar that has just taken a decision. */
function pagesOf(story: Story, change: Partial<PagePorts> = {}, counters: Partial<Counters> = {}): PagePorts {
  return {
    present: () => ({ state: story.state, nowMs: story.nowMs, connected: PODS }),
    counters: () => ({ ...NO_COUNTERS, decidedAtMs: story.nowMs, ...counters }),
    naming: { named: NAMED, existing: (connected) => connected },
    lagBytes: () => Promise.resolve(null),
    askAll: () => Promise.resolve([]),
    usage: () => ({ cpuSeconds: 0, residentBytes: 0, startedAtSeconds: 0 }),
    exposition: { contentType: 'text/plain', render: (samples) => Promise.resolve(JSON.stringify(samples)) },
    ...change,
  };
}

async function get(ports: PagePorts, target: string): Promise<Answer> {
  const { pathname, searchParams } = new URL(target, 'http://sidecar');
  const page = createPages(ports)[pathname];
  if (page === undefined) throw new Error(`no page ${pathname}`);
  return page(searchParams);
}

/** redis-1 follows redis-0, seen just now. */
function inStep(): Story {
  const story = follower();
  story.redis();
  return story;
}

describe('/livez', () => {
  test('the loop turns', async () => {
    const story = inStep();
    expect(await get(pagesOf(story), '/livez')).toEqual({
      status: 200,
      type: 'text/plain; charset=utf-8',
      body: '[+]loop ok: its last turn was 0 ms ago\nlivez check passed\n',
    });
  });

  // Fails when anything outside of the sidecar can have it killed: a Redis that loads for an hour, peers that are gone.
  test('Redis and the other pods are no matter', async () => {
    const story = newcomer();
    story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    story.after(3_600_000).tick();
    expect((await get(pagesOf(story, { naming: { named: null, existing: () => [] } }), '/livez')).status).toBe(200);
    story.feed({ type: 'redis', sample: { outcome: 'error', code: 'LOADING' }, minReplicas: null });
    expect((await get(pagesOf(story), '/livez')).status).toBe(200);
  });

  test('a loop that has got stuck is told from one that is slow', async () => {
    const story = inStep();
    const ago = (ms: number): Partial<Counters> => ({ decidedAtMs: story.nowMs - ms });
    expect((await get(pagesOf(story, {}, ago(STUCK_AFTER_MS)), '/livez')).status).toBe(200);
    expect(await get(pagesOf(story, {}, ago(STUCK_AFTER_MS + 1)), '/livez')).toMatchObject({
      status: 503,
      body: '[-]loop failed: its last turn was 10001 ms ago\nlivez check failed\n',
    });
  });
});

describe('/startupz', () => {
  test('Redis does not count: a native sidecar has to have started before Redis may', async () => {
    const story = newcomer();
    expect((await get(pagesOf(story), '/startupz')).status).toBe(200);
    expect((await get(pagesOf(story, {}, { decidedAtMs: null }), '/startupz')).status).toBe(503);
  });

  test('while it is being put together nothing is said of it', async () => {
    const ports = pagesOf(newcomer(), { present: () => null });
    for (const path of ['/livez', '/readyz', '/startupz', '/metrics', '/topology']) {
      expect(await get(ports, path)).toMatchObject({ status: 503, body: 'the sidecar is being started\n' });
    }
  });
});

describe('/readyz', () => {
  test('a line for each reason', async () => {
    const answer = await get(pagesOf(inStep()), '/readyz');
    expect(answer.status).toBe(200);
    expect(answer.body.split('\n')).toEqual([
      '[+]loop ok: its last turn was 0 ms ago',
      '[+]redis ok: answers',
      '[+]vote ok: this sidecar votes',
      '[+]role ok: replica of redis-0, master of term 1',
      'readyz check passed',
      '',
    ]);
  });

  test('one that fails is enough', async () => {
    const story = inStep();
    story.redis({ linkUp: false });
    const answer = await get(pagesOf(story), '/readyz');
    expect(answer.status).toBe(503);
    expect(answer.body).toContain('[-]role failed: its link to redis-0, master of term 1 is down\nreadyz check failed');
  });

  test('the master is asked how far it is only when somebody wants to know', async () => {
    let asked = 0;
    const lagBytes = (): Promise<number> => Promise.resolve(++asked * 1000);
    const ports = pagesOf(inStep(), { lagBytes });
    await get(ports, '/readyz');
    expect(asked).toBe(0);
    expect(await get(ports, '/readyz?maxLagBytes=1000')).toMatchObject({
      status: 200,
      body: expect.stringContaining('[+]lag ok: 1000 bytes behind the master; 1000 are allowed'),
    });
    expect(await get(ports, '/readyz?maxLagBytes=1000')).toMatchObject({
      status: 503,
      body: expect.stringContaining('[-]lag failed: 2000 bytes behind the master; 1000 are allowed'),
    });
  });

  test.each(['', '-1', '1.5', '1e3', 'x', '9'.repeat(16)])('maxLagBytes=%s is a mistake', async (value) => {
    expect(await get(pagesOf(inStep()), `/readyz?maxLagBytes=${value}`)).toMatchObject({ status: 400 });
  });

  test('a loop that has got stuck serves nobody', async () => {
    const story = leader();
    const stuck = { decidedAtMs: story.nowMs - STUCK_AFTER_MS - 1 };
    expect((await get(pagesOf(story), '/readyz')).status).toBe(200);
    expect((await get(pagesOf(story, {}, stuck), '/readyz')).status).toBe(503);
  });

  test('the state is the one of after the question to the master, not of before it', async () => {
    const story = inStep();
    const lagBytes = (): Promise<number> => {
      story.after(TIMINGS.grantMs * 2).tick();
      return Promise.resolve(0);
    };
    expect((await get(pagesOf(story, { lagBytes }), '/readyz?maxLagBytes=1')).status).toBe(503);
  });
});

describe('/topology', () => {
  test('what sentinel status --json prints', async () => {
    const silent = { ip: '10.0.0.9', pod: null, status: null, error: 'no answer in time' };
    const answer = await get(pagesOf(leader(), { askAll: () => Promise.resolve([silent]) }), '/topology');
    expect(answer).toMatchObject({ status: 200, type: 'application/json' });
    const problems = ['nobody holds the lease', '10.0.0.9: no answer in time'];
    expect(JSON.parse(answer.body)).toEqual({ ok: false, isPaused: false, problems, pods: [silent] });
  });

  test('nobody to ask', async () => {
    expect(await get(pagesOf(leader()), '/topology')).toMatchObject({ status: 503 });
  });
});

describe('who exists, of those whose connection is open', () => {
  const two = NAMED.slice(0, 2);

  // Fails when an open connection is proof enough: behind a node that has vanished it stays open, and an ordered set would wait for ever.
  test('who is not named for longer than any cache keeps an answer is gone', () => {
    const naming = new Naming();
    naming.found(NAMED, 0);
    naming.found(two, 1000);
    expect(naming.existing(PODS, OLDEST_ANSWER_MS)).toEqual(PODS);
    naming.found(two, OLDEST_ANSWER_MS + 1);
    expect(naming.existing(PODS, OLDEST_ANSWER_MS + 1)).toEqual(PODS.slice(0, 2));
    naming.found(NAMED, OLDEST_ANSWER_MS + 2);
    expect(naming.existing(PODS, OLDEST_ANSWER_MS + 2)).toEqual(PODS);
  });

  test('one that DNS has never named is given as long: the first answer may be old', () => {
    const naming = new Naming();
    naming.found(two, 5000);
    expect(naming.existing(PODS, 5000 + OLDEST_ANSWER_MS)).toEqual(PODS);
    expect(naming.existing(PODS, 5001 + OLDEST_ANSWER_MS)).toEqual([]);
  });

  test('without names, or without an answer, all of them', () => {
    const naming = new Naming();
    expect(naming.existing(PODS, 1e9)).toEqual(PODS);
    naming.found([{ ip: '10.0.0.1', podName: null }], 0);
    expect(naming.existing(PODS, 1e9)).toEqual(PODS);
  });

  test('that there is nobody is an answer, but does not undo what was named before', () => {
    const naming = new Naming();
    expect(naming.named).toBeNull();
    naming.foundNobody();
    expect(naming.named).toEqual([]);
    naming.found(two, 0);
    naming.foundNobody();
    expect(naming.named).toEqual(two);
  });
});
