// What Sentinel clients and people with redis-cli see and can order on the port of every sidecar of a running set.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { RedisCommander, parseRole, sleep, type Cluster, type CommandArgs, type Pod } from '@sentinel-micro/testkit';
import { mend, PATIENCE_MS, settled, startSet, startWriter, stopAll, readBack, untilTrue } from './cluster-helpers.ts';
import { EventRecorder } from './event-recorder.ts';

let cluster: Cluster;

beforeAll(async () => {
  cluster = await startSet();
}, 60_000);
beforeEach(() => mend(cluster));
afterAll(() => stopAll(cluster));

/** Longer than a switchover may take. */
const ORDER_TIMEOUT_MS = 10_000;

/** Orders something of one sidecar; its answer, or its error as text. */
async function order(pod: Pod, ...words: CommandArgs): Promise<string> {
  const commander = new RedisCommander(pod.sidecarTarget, ORDER_TIMEOUT_MS);
  try {
    return String(await commander.command(...words));
  } catch (error) {
    return String(error instanceof Error ? error.message : error);
  } finally {
    commander.close();
  }
}

/** With the answers to two renewals the holder knows of everybody whether it could take over. */
const TWO_RENEWALS_MS = 500;

async function ready(): Promise<{ master: Pod; replicas: Pod[]; term: number }> {
  await settled(cluster);
  await sleep(TWO_RENEWALS_MS);
  return settled(cluster);
}

const addressOf = (pod: Pod): string => `${pod.ip} ${String(cluster.settings.redisPort)}`;
const nameOf = (pod: Pod): string => `${pod.ip}:${String(cluster.settings.redisPort)}`;

async function record(): Promise<EventRecorder[]> {
  return Promise.all(cluster.pods.map((pod) => EventRecorder.start(pod)));
}

/** Waits until everybody has told of the switch and of a linked replica, and then of nothing for a moment. */
async function heardAll(recorders: readonly EventRecorder[]): Promise<void> {
  await untilTrue('all to tell of the switch', () =>
    recorders.every(({ channels }) => channels.includes('+switch-master')),
  );
  await untilTrue('all to tell of a linked replica', () =>
    recorders.every(({ channels }) => channels.includes('+slave-reconf-done')),
  );
}

/** What leads to a new master, in the order in which every sidecar tells it. */
const SEQUENCE = [
  '+new-epoch',
  '+try-failover',
  '+vote-for-leader',
  '+elected-leader',
  '+failover-state-select-slave',
  '+selected-slave',
  '+failover-state-send-slaveof-noone',
  '+failover-state-wait-promotion',
  '+promoted-slave',
  '+failover-state-reconf-slaves',
  '+failover-end',
  '+switch-master',
];

describe('events', () => {
  test('the master dies: every sidecar tells the whole story in order, and each event after its own answers are new', async () => {
    const { master } = await ready();
    const recorders = await record();
    master.killRedis();
    const { master: next } = await cluster.waitForMasterOtherThan(master);
    await heardAll(recorders);
    const [old, now] = [addressOf(master), addressOf(next)];
    for (const recorder of recorders) {
      const steps = recorder.channels.filter((channel) => SEQUENCE.includes(channel));
      expect(steps).toEqual(SEQUENCE);
      expect(recorder.first('+switch-master')).toBe(`mymaster ${old} ${now}`);
      expect(recorder.first('+sdown')).toBe(`master mymaster ${old}`);
      expect(recorder.first('+odown')).toBe(`master mymaster ${old} #quorum 2/2`);
      expect(recorder.first('+promoted-slave')).toBe(`slave ${nameOf(next)} ${now} @ mymaster ${old}`);
      expect(recorder.first('-odown')).toBe(`master mymaster ${now}`);
      const { channels } = recorder;
      const at = channels.indexOf('+switch-master');
      // What a client asks on hearing of it is answered with the new master, and of the old one it never hears again.
      expect(recorder.heard.slice(0, at).filter(({ named }) => named === old)).toEqual([]);
      expect(new Set(recorder.heard.slice(at).map(({ named }) => named))).toEqual(new Set([now]));
      expect(channels.slice(at)).toContain('+slave');
      expect(channels.indexOf('-odown')).toBeGreaterThan(channels.indexOf('+slave'));
    }
    for (const recorder of recorders) await recorder.stop();
    await master.startRedis();
  }, 60_000);

  test('a replica and a sidecar go and come: every other one tells it', async () => {
    const { master, replicas } = await ready();
    const recorder = await EventRecorder.start(master);
    const gone = replicas[0]!;
    await gone.stopSidecar();
    const told = (channel: string, what: string) =>
      untilTrue(`${channel} of the ${what}`, () =>
        recorder.heard.some((one) => one.channel === channel && one.message.startsWith(`${what} `)),
      );
    await told('+sdown', 'sentinel');
    await told('+sdown', 'slave');
    await gone.startSidecar();
    await told('+sentinel', 'sentinel');
    await told('-sdown', 'slave');
    expect(recorder.channels).not.toContain('+switch-master');
    await recorder.stop();
  }, 60_000);
});

describe('orders', () => {
  test('SWITCHOVER to a pod, given to a sidecar that does not lead: passed on, and done when it is answered', async () => {
    const { master, replicas } = await ready();
    const [target, other] = replicas as [Pod, Pod];
    const recorders = await record();
    const writer = startWriter(cluster, { intervalMs: 0 });
    await writer.waitForSuccess(PATIENCE_MS);
    expect(await order(other, 'SENTINEL', 'SWITCHOVER', 'mymaster', target.name)).toMatch(
      new RegExp(`^OK ${target.name} is master of term `),
    );
    const { master: now } = await ready();
    expect(now.name).toBe(target.name);
    await heardAll(recorders);
    for (const recorder of recorders) {
      expect(recorder.first('+switch-master')).toBe(`mymaster ${addressOf(master)} ${addressOf(target)}`);
      // Nothing was down: it was ordered.
      expect(recorder.channels).not.toContain('+odown');
    }
    for (const recorder of recorders) await recorder.stop();
    expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
  }, 60_000);

  test.each([['FAILOVER'], ['FAILOVER', 'COORDINATED']])(
    '%s %s: OK as Redis Sentinel says it, when it is done',
    async (...words) => {
      const { master, replicas } = await ready();
      const [name, ...options] = words as [string, ...string[]];
      expect(await order(replicas[0]!, 'SENTINEL', name, 'mymaster', ...options)).toBe('OK');
      expect((await ready()).master.name).not.toBe(master.name);
    },
    60_000,
  );

  test('FORCE-FAILOVER, and HISTORY tells of it on every sidecar', async () => {
    const { master } = await ready();
    expect(await order(master, 'SENTINEL', 'FORCE-FAILOVER', 'mymaster')).toMatch(/^OK redis-\d is master of term/);
    const { master: now, term } = await ready();
    expect(now.name).not.toBe(master.name);
    for (const pod of cluster.pods) {
      const history = JSON.parse(await order(pod, 'SENTINEL', 'HISTORY', 'mymaster')) as Record<string, unknown>[];
      expect(history.at(-1)).toMatchObject({ from: master.name, to: now.name, cause: 'failover', term });
    }
  }, 60_000);

  test('HANDOVER: of a replica it is done at once; of the master when it is master no more', async () => {
    const { master, replicas } = await ready();
    expect(await order(replicas[0]!, 'SENTINEL', 'HANDOVER', 'mymaster')).toMatch(/^OK /);
    expect((await ready()).master.name).toBe(master.name);
    expect(await order(master, 'SENTINEL', 'HANDOVER', 'mymaster')).toMatch(/^OK /);
    expect((await master.role()).role).toBe('replica');
    expect((await ready()).master.name).not.toBe(master.name);
  }, 60_000);

  test('HANDOVER beside the SIGTERM of an ordinary sidecar: answered when the pod is master no more, before the sidecar ends', async () => {
    const { master } = await ready();
    const commander = new RedisCommander(master.sidecarTarget, ORDER_TIMEOUT_MS);
    await commander.command('PING');
    // The kubelet runs the preStop hook of redis while the sidecar is told to stop: whichever of the two it hears of first.
    const answer = commander.command('SENTINEL', 'HANDOVER', 'mymaster');
    // The signal wakes the sidecar, which may be given this process's core until it has ended: what is ordered is sent before.
    await new Promise(setImmediate);
    master.killSidecar('SIGTERM');
    try {
      expect(await answer).toMatch(/^OK /);
      // Over a new connection: those that were there have just been cut.
      const redis = new RedisCommander(master.redisTarget, ORDER_TIMEOUT_MS);
      expect(parseRole(await redis.text('INFO', 'replication').finally(() => redis.close())).role).toBe('replica');
    } finally {
      commander.close();
      await untilTrue('its sidecar to end', () => !master.isSidecarAlive());
      await master.startSidecar();
    }
    expect((await ready()).master.name).not.toBe(master.name);
  }, 60_000);

  test('PAUSE on one sidecar holds for all, and RESUME on another', async () => {
    const { master, replicas } = await ready();
    const isPaused = async (pod: Pod): Promise<boolean> => {
      const status = await pod.peerStatus();
      return ((status.raw as { pauses?: number }).pauses ?? 0) % 2 === 1;
    };
    const all = async (): Promise<boolean[]> => Promise.all(cluster.pods.map(isPaused));
    expect(await order(replicas[0]!, 'SENTINEL', 'PAUSE', 'mymaster')).toMatch(/^OK /);
    await untilTrue('everybody to be paused', async () => (await all()).every(Boolean));
    expect(await order(master, 'SENTINEL', 'RESUME', 'mymaster')).toMatch(/^OK /);
    await untilTrue('nobody to be paused', async () => !(await all()).some(Boolean));
  }, 60_000);

  test("what can not be done is refused in Redis Sentinel's words", async () => {
    const { master, replicas } = await ready();
    expect(await order(master, 'SENTINEL', 'FAILOVER', 'nobody')).toBe('ERR No such master with that name');
    expect(await order(master, 'SENTINEL', 'SWITCHOVER', 'mymaster', 'redis-9')).toMatch(
      /^ERR there is no pod 'redis-9'/,
    );
    expect(await order(replicas[0]!, 'SENTINEL', 'SWITCHOVER', 'mymaster', master.name)).toMatch(/^OK .*already/);
    for (const replica of replicas) replica.pauseSidecar();
    expect(await order(master, 'SENTINEL', 'FAILOVER', 'mymaster')).not.toMatch(/^OK/);
    for (const replica of replicas) replica.resumeSidecar();
    await settled(cluster);
  }, 60_000);
});
