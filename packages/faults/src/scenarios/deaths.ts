import { killContainers, type Pod } from '@sentinel-micro/testkit';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { FAST_MS, LEASE_MS } from '../timings.ts';

/** So often so many keys of 1 MiB each: together a GiB, and no single command takes long. */
const FILLINGS = 64;
const KEYS_PER_FILLING = 16;
const MIB = 1024 * 1024;

/** The same keys, with the same values, on each: nothing of it has to be replicated. */
async function fillAll(pods: readonly Pod[]): Promise<void> {
  for (let filling = 0; filling < FILLINGS; filling++) {
    const populate = (pod: Pod): Promise<unknown> =>
      pod.command('DEBUG', 'POPULATE', KEYS_PER_FILLING, `large${filling}`, MIB);
    await Promise.all(pods.map(populate));
  }
}

const kill9MasterLarge: Scenario = {
  name: 'kill9-master-large',
  family: 'kill',
  what: "Each Redis has a GiB in memory; the master's is killed (SIGKILL), which the kernel takes a while for.",
  setup: { baseConfig: ['enable-debug-command yes'] },
  expect: { promotions: 1, writableWithinMs: FAST_MS },
  async run(bed) {
    await fillAll(bed.cluster.pods);
    const master = await bed.settled();
    await bed.sleep(LEASE_MS);
    bed.check(master === bed.master, 'filling the memory has cost a failover');
    await bed.fault(`${bed.master.name}'s Redis is killed`, () => bed.master.killRedis());
    await bed.replaced();
  },
};

const sigtermMaster: Scenario = {
  name: 'sigterm-master',
  family: 'kill',
  what: "The master's redis-server is told to stop (SIGTERM); it comes back when another pod is master.",
  // Redis waits until its replicas have acknowledged everything, which they do once a second.
  expect: { promotions: 1, isLossless: true, writableWithinMs: FAST_MS + 1000 },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s Redis is told to stop`, () => bed.master.killRedis('SIGTERM'));
    await bed.replaced();
  },
};

const killReplica: Scenario = {
  name: 'kill-replica',
  family: 'kill',
  what: "A replica's redis-server is killed (SIGKILL), and comes back after three seconds.",
  expect: UNDISTURBED,
  async run(bed) {
    const replica = bed.replica(0);
    await bed.fault(`${replica.name}'s Redis is killed`, () => replica.killRedis());
    await bed.sleep(3000);
  },
};

const killSidecarOnReplica: Scenario = {
  name: 'kill-sidecar-on-replica',
  family: 'kill',
  what: "A replica's sidecar is killed (SIGKILL), and comes back after three seconds.",
  expect: UNDISTURBED,
  async run(bed) {
    const replica = bed.replica(0);
    await bed.fault(`${replica.name}'s sidecar is killed`, () => replica.killSidecar());
    await bed.sleep(3000);
  },
};

const doubleKill: Scenario = {
  name: 'double-kill',
  family: 'kill',
  what: 'The master and so many replicas are killed, with their sidecars, that no quorum is left; later they find their files.',
  // Everybody writes to a file, so those that come back have what they had.
  setup: { baseConfig: ['appendonly yes'] },
  expect: { isLossless: true },
  async run(bed) {
    const half = Math.floor(bed.cluster.pods.length / 2);
    const victims = [bed.master, ...bed.replicas.slice(0, half)];
    const left = bed.replicas.slice(half);
    await bed.fault(`${victims.map(({ name }) => name).join(' and ')} are killed`, () => killContainers(victims));
    await bed.sleep(2 * LEASE_MS);
    for (const pod of left) {
      bed.check(bed.prober.isRefusing(pod), `${pod.name} does not refuse writes without a quorum`);
      bed.check((await pod.command('GET', 'seed:1')) === 'value 1', `${pod.name} can not be read without a quorum`);
    }
    await bed.fault('they come back', async () => {
      await Promise.all(victims.map((pod) => pod.startRedis()));
      await Promise.all(victims.map((pod) => pod.startSidecar()));
    });
    await bed.settled();
  },
};

/** Shorter than a lease, and longer than a heartbeat. */
const STALL_MS = 300;
const STALLS = 5;

const eventLoopStall: Scenario = {
  name: 'event-loop-stall',
  family: 'kill',
  what: 'The sidecar of the master, then those of all pods at once, stand still for 300 ms, several times.',
  expect: UNDISTURBED,
  async run(bed) {
    const stall = async (pods: readonly Pod[]): Promise<void> => {
      for (const pod of pods) pod.pauseSidecar();
      await bed.sleep(STALL_MS);
      for (const pod of pods) pod.resumeSidecar();
    };
    for (let n = 0; n < STALLS; n++) {
      await bed.fault(`${bed.master.name}'s sidecar stands still`, () => stall([bed.master]));
      await bed.sleep(STALL_MS);
      await bed.fault('all sidecars stand still', () => stall(bed.cluster.pods));
      await bed.sleep(STALL_MS);
    }
    await bed.sleep(LEASE_MS);
  },
};

export const deaths: readonly Scenario[] = [
  kill9MasterLarge,
  sigtermMaster,
  killReplica,
  killSidecarOnReplica,
  doubleKill,
  eventLoopStall,
];
