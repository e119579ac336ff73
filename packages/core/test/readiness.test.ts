// May this pod serve, and may a rolling update go on: docs/adr/0008-probes.md.
import { describe, expect, test } from '@jest/globals';
import {
  asPodName,
  asRunId,
  readinessChecks,
  type Action,
  type Check,
  type NodeConfig,
  type PodIdentity,
  type PodName,
  type ReplicationInfo,
  type Surroundings,
} from '../src/index.ts';
import { configOf, follower, identity, leader, LIMBO, PODS, questions, Story, TIMINGS } from './support.ts';

/** DNS names these pods, and their sidecars are connected. */
function around(pods: readonly PodName[], change: Partial<Surroundings> = {}): Surroundings {
  const named = pods.map((podName) => ({ ip: `10.0.0.${String(Number(podName.split('-')[1]) + 1)}`, podName }));
  return { named, connected: pods, lag: null, ...change };
}

const ALL = around(PODS);

function check(story: Story, name: string, surroundings: Surroundings = ALL): Check {
  const checks = readinessChecks(story.state, story.nowMs, surroundings);
  const found = checks.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no check ${name} among ${JSON.stringify(checks)}`);
  return found;
}

const failures = (story: Story, surroundings: Surroundings = ALL): string[] =>
  readinessChecks(story.state, story.nowMs, surroundings)
    .filter(({ ok }) => !ok)
    .map(({ name, text }) => `${name}: ${text}`);

/** A pod of a set of `replicas` that has just heard of nobody, and votes. */
function alone(index: number, replicas = PODS.length, redis: Partial<ReplicationInfo> = LIMBO): Story {
  const members = Array.from({ length: replicas }, (_value, ordinal) => asPodName(`redis-${String(ordinal)}`));
  const config: Partial<NodeConfig> = {
    members,
    quorum: Math.floor(replicas / 2) + 1,
    self: { ...identity(index), replicas },
  };
  const story = new Story(configOf(index, config));
  story.after(TIMINGS.grantMs).redis(redis);
  return story;
}

/** redis-1 follows redis-0, and has just been seen to. */
function following(): Story {
  const story = follower();
  story.redis();
  return story;
}

describe('a set that has its master', () => {
  test('the master under its lease is ready, and so is a replica that is linked to it', () => {
    expect(failures(leader())).toEqual([]);
    expect(check(leader(), 'role').text).toMatch(/^master of term 2, its lease lasts for another \d+ ms$/);
    expect(failures(following())).toEqual([]);
    expect(check(following(), 'role').text).toBe('replica of redis-0, master of term 1');
  });

  test('a set of one needs nobody else', () => {
    const story = alone(0, 1);
    story.done(story.last?.actions ?? [], 'promote', { role: 'master', masterHost: null, masterPort: null });
    expect(failures(story, around([PODS[0]!]))).toEqual([]);
  });

  test.each<[why: string, redis: Partial<ReplicationInfo>]>([
    ['role: its link to redis-0, master of term 1 is down', { linkUp: false }],
    ['role: its Redis is copying all data from redis-0, master of term 1', { linkUp: false, syncInProgress: true }],
    ['role: its Redis follows nobody; it has to follow redis-0, master of term 1', LIMBO],
    ['role: its Redis follows 10.0.0.9:6379 instead of redis-0, master of term 1', { masterHost: '10.0.0.9' }],
    [
      'role: its Redis is a master without a lease; it has to follow redis-0, master of term 1',
      { role: 'master', masterHost: null, masterPort: null },
    ],
    ['redis: it is loading its data', { loading: true }],
  ])('a rolling update waits for: %s', (why, redis) => {
    const story = following();
    story.redis(redis);
    expect(failures(story)).toEqual([why]);
  });

  // Fails when what comes later counts although there is a master: the next pod would be replaced before this one has its data.
  test('also while a later pod is missing, a replica has to be linked', () => {
    const story = following();
    story.redis({ linkUp: false });
    expect(failures(story, around(PODS.slice(0, 2)))).toEqual(['role: its link to redis-0, master of term 1 is down']);
  });

  test('a master whose lease has run out is not ready, though its Redis still says master', () => {
    const story = leader();
    story.after(TIMINGS.leaseMs + 1);
    expect(check(story, 'role').ok).toBe(false);
  });

  test('a replica is not ready when the lease of its master has run out, though its link is still up', () => {
    const story = following();
    story.after(TIMINGS.grantMs + 1).redis();
    expect(check(story, 'role')).toMatchObject({ ok: false, text: expect.stringMatching(/^nobody leads: /) });
  });

  test('a sidecar that has just started does not vote, and says for how long', () => {
    const story = new Story(configOf(1));
    story.redis();
    expect(check(story, 'vote')).toEqual({
      name: 'vote',
      ok: false,
      text: 'this sidecar does not vote for another 2250 ms: it has just started',
    });
    story.after(TIMINGS.grantMs);
    expect(check(story, 'vote').ok).toBe(true);
  });

  test('a sidecar that is stopping serves nobody who comes now', () => {
    const story = following();
    story.feed({ type: 'stop' });
    expect(failures(story)).toEqual(['vote: this sidecar is stopping']);
  });
});

describe('Redis', () => {
  test('nobody has asked it yet', () => {
    const story = new Story(configOf(1));
    story.after(TIMINGS.grantMs).tick();
    expect(check(story, 'redis')).toMatchObject({ ok: false, text: 'unknown: not asked yet' });
  });

  test('its process is gone: not ready at once', () => {
    const story = following();
    story.feed({ type: 'redis', sample: { outcome: 'refused' }, minReplicas: null });
    expect(check(story, 'redis')).toMatchObject({ ok: false, text: 'down: connection refused: no process listens' });
  });

  test('one look without an answer changes nothing; after --down-after-ms it does', () => {
    const story = following();
    const silence = { type: 'redis', sample: { outcome: 'silent' }, minReplicas: null } as const;
    story.after(TIMINGS.heartbeatMs).feed(silence);
    expect(check(story, 'redis').ok).toBe(true);
    story.after(TIMINGS.downAfterMs).feed(silence);
    expect(check(story, 'redis').ok).toBe(false);
  });

  test('what answers with nothing but errors is alive, but serves nobody', () => {
    const story = following();
    story.after(TIMINGS.downAfterMs + TIMINGS.heartbeatMs + 1);
    story.feed({ type: 'redis', sample: { outcome: 'error', code: 'BUSY' }, minReplicas: null });
    expect(check(story, 'redis')).toMatchObject({ ok: false, text: 'it tells nothing of itself: answers BUSY' });
  });

  test('a complaint is told, and takes nobody out of service', () => {
    const story = following();
    const { info } = story.state.own;
    story.feed({ type: 'redis', sample: { outcome: 'info', info: info!, warning: 'can not save' }, minReplicas: 1 });
    expect(check(story, 'redis')).toMatchObject({ ok: true, text: 'answers, but can not save' });
  });
});

describe('how far behind', () => {
  const within = (mostBytes: number, bytes: number | null): Surroundings => ({ ...ALL, lag: { mostBytes, bytes } });

  test.each<[bytes: number | null, ok: boolean]>([
    [0, true],
    [100, true],
    [101, false],
    [null, false],
  ])('with 100 bytes allowed, %p bytes: ready is %p', (bytes, ok) => {
    expect(failures(following(), within(100, bytes)).length === 0).toBe(ok);
  });

  test('nobody is before a master, or before a set without one', () => {
    expect(failures(leader(), within(0, null))).toEqual([]);
    expect(failures(alone(0), { ...around([PODS[0]!]), lag: { mostBytes: 0, bytes: null } })).toEqual([]);
  });
});

describe('an ordered start: a pod is made when all before it are ready', () => {
  // A set of N of which the first pods exist, and nobody leads. Fails when one of them waits for what comes after it.
  test.each([2, 3, 5, 7])('of %p pods: those that are there are ready before the next one exists', (replicas) => {
    for (let existing = 1; existing < replicas; existing++) {
      const pods = Array.from({ length: existing }, (_value, index) => asPodName(`redis-${String(index)}`));
      for (const [index] of pods.entries()) {
        expect({ existing, index, failures: failures(alone(index, replicas), around(pods)) }).toEqual({
          existing,
          index,
          failures: [],
        });
      }
    }
  });

  test('it says so', () => {
    expect(check(alone(0), 'role', around([PODS[0]!])).text).toBe(
      'nobody leads, but redis-1 does not exist, and may be made only when this pod is ready',
    );
  });

  test('a set that waits for more data, too: the pod that has it may be the one that is missing', () => {
    const story = alone(0);
    const toTheOther = (actions: readonly Action[]): readonly Action[] =>
      questions(actions).filter(({ to }) => to === PODS[1]);
    const acquiring = story.granted(toTheOther(story.last?.actions ?? []), 'PREVOTE');
    story.granted(toTheOther(acquiring), 'ACQUIRE');
    expect(story.state.role).toMatchObject({ kind: 'holder' });
    expect(failures(story, around(PODS.slice(0, 2)))).toEqual([]);
    expect(failures(story)).toHaveLength(1);
  });

  test('Redis has to answer and the sidecar to vote all the same', () => {
    const story = new Story(configOf(0));
    story.redis({ ...LIMBO, loading: true });
    expect(failures(story, around([PODS[0]!])).map((text) => text.split(':')[0])).toEqual(['redis', 'vote']);
  });
});

describe('a rolling update goes from the last pod to the first', () => {
  // Fails when a pod that has lost sight of the others counts as alone: each new one would, and the last old one took the data with it.
  test.each<[why: string, surroundings: Surroundings]>([
    ['all pods exist, and it hears none of them', around(PODS, { connected: [] })],
    ['the pods before it are missing', around([PODS[2]!])],
    ['DNS names nobody', around([])],
    ['DNS does not answer', around([], { named: null })],
  ])('the last pod is not ready without a master: %s', (_why, surroundings) => {
    expect(failures(alone(2), surroundings)).toHaveLength(1);
  });

  test('a pod in the middle is not ready when the one after it is named, or heard', () => {
    expect(failures(alone(1), around([PODS[1]!, PODS[2]!], { connected: [] }))).toHaveLength(1);
    expect(failures(alone(1), around([PODS[1]!], { connected: [PODS[2]!] }))).toHaveLength(1);
  });

  test('an address without a name may be the pod that seems to be missing', () => {
    const named = [
      { ip: '10.0.0.1', podName: null },
      { ip: '10.0.0.7', podName: null },
    ];
    expect(failures(alone(0), around([], { named }))).toHaveLength(1);
    expect(failures(alone(0), around([], { named: named.slice(0, 1) }))).toEqual([]);
  });

  test('before DNS has answered it is not known who exists', () => {
    expect(check(alone(0), 'role', around([], { named: null }))).toMatchObject({
      ok: false,
      text: expect.stringContaining('DNS has not answered yet'),
    });
  });
});

describe('publishNotReadyAddresses is missing', () => {
  test('the first pod is ready, or nobody would ever be named; and the reason is told', () => {
    expect(check(alone(0), 'role', around([]))).toMatchObject({
      ok: true,
      text: expect.stringContaining('is publishNotReadyAddresses set to true on the Service?'),
    });
  });
});

describe('a set grows: its new pods come before the old ones are replaced', () => {
  /** The old pods run with `replicas`, and do not renew their lease here. */
  function beside(index: number, replicas: number): Story {
    const story = alone(index, 5, LIMBO);
    const old: PodIdentity = { ...identity(0), replicas };
    story.feed({ type: 'peer-met', identity: old, announcement: null, term: story.state.term });
    return story;
  }
  const five = around(['redis-0', 'redis-1', 'redis-2', 'redis-3', 'redis-4'].map(asPodName));

  test('the last new pod is ready although nobody counts it yet: otherwise nobody ever would', () => {
    expect(check(beside(4, 3), 'role', five)).toEqual({
      name: 'role',
      ok: true,
      text: 'redis-0 runs with fewer replicas and does not count this pod yet: the change can go on',
    });
  });

  test('a pod that the others do count has to have its role', () => {
    expect(failures(beside(2, 3), five)).toHaveLength(1);
    expect(failures(beside(4, 5), five)).toHaveLength(1);
  });
});

describe('a running set gets its sidecars one by one, the last pod first', () => {
  const STILL_LINKED: Partial<ReplicationInfo> = { linkUp: true, masterHost: '10.0.0.1', masterPort: 6379 };
  const named = (connected: readonly PodName[], replicas: number): Surroundings => ({
    ...around(Array.from({ length: replicas }, (_value, index) => asPodName(`redis-${String(index)}`))),
    connected,
  });

  // Fails when each new pod waits for a quorum: the second one would never get its sidecar.
  test('a replica that is in step with the old master is ready, so that the next pod is replaced', () => {
    expect(failures(alone(2, 3, STILL_LINKED), named([], 3))).toEqual([]);
    expect(check(alone(2, 3, STILL_LINKED), 'role', named([], 3)).text).toBe(
      'replica of 10.0.0.1:6379, which nobody protects yet: too few sidecars are heard for a quorum; the next pod can get its own',
    );
    expect(failures(alone(3, 5, STILL_LINKED), named([asPodName('redis-4')], 5))).toEqual([]);
  });

  test('with a quorum of sidecars a master is due', () => {
    expect(failures(alone(1, 3, STILL_LINKED), named([PODS[2]!], 3))).toHaveLength(1);
    expect(failures(alone(2, 5, STILL_LINKED), named(['redis-3', 'redis-4'].map(asPodName), 5))).toHaveLength(1);
  });

  // Fails when a pod without data counts: the update would go on, and take the data away pod by pod.
  test.each<[why: string, redis: Partial<ReplicationInfo>]>([
    ['follows nobody', LIMBO],
    ['is not linked', { ...STILL_LINKED, linkUp: false }],
    ['is copying', { ...STILL_LINKED, syncInProgress: true }],
  ])('not one that %s', (_why, redis) => {
    expect(failures(alone(2, 3, redis), named([], 3))).toHaveLength(1);
  });

  test('not before DNS has answered: a quorum may be there', () => {
    expect(failures(alone(2, 3, STILL_LINKED), around([], { named: null }))).toHaveLength(1);
  });

  test('not when a master was announced before: its lease has run out', () => {
    const story = following();
    story.after(TIMINGS.grantMs * 2).redis();
    expect(failures(story, around(PODS, { connected: [] }))).toHaveLength(1);
  });
});

test('a replica of the announced master counts by its address, whatever process runs there', () => {
  const story = following();
  story.redis({ runId: asRunId('7'.repeat(40)) });
  expect(failures(story)).toEqual([]);
});
