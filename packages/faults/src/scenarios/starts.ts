import { KeyWatch, keysOf, restartRedis, type Pod } from '@sentinel-micro/testkit';
import type { Bed } from '../bed.ts';
import type { Scenario } from '../scenario.ts';
import { AFTERWARDS_MS, FAST_MS } from '../timings.ts';

/** Longer than a full sync from an empty master takes, and shorter than a lease. */
const SIDECAR_STOPPED_MS = 800;

/** Restarts this master empty. None of the others may lose a key, not even for a moment. */
async function expectNoWipe(bed: Bed, master: Pod, restart: () => Promise<void>): Promise<void> {
  const others = bed.cluster.podsExcept(master);
  const before = Math.min(...(await Promise.all(others.map(keysOf))));
  const watch = new KeyWatch(others);
  await bed.fault(`${master.name}'s Redis restarts empty`, restart);
  await bed.replaced(master);
  const { lowest } = await watch.stop();
  bed.check(lowest >= before, `a replica had ${lowest} keys instead of ${before}: it was wiped`);
}

const masterRestartEmptyFast: Scenario = {
  name: 'master-restart-empty-fast',
  family: 'data',
  what: "The master's redis-server is back without any data within 30 ms; later again, while its sidecar is stopped.",
  expect: { promotions: 2, writableWithinMs: FAST_MS },
  async run(bed) {
    const restart = (pod: Pod) => (): Promise<void> => restartRedis(pod, 'emptied');
    await expectNoWipe(bed, bed.master, restart(bed.master));
    const second = await bed.settled();
    // Nobody is there to fence it: that it does not start as a master has to do.
    await expectNoWipe(bed, second, async () => {
      second.pauseSidecar();
      await restart(second)();
      await bed.sleep(SIDECAR_STOPPED_MS);
      second.resumeSidecar();
    });
    await bed.settled();
  },
};

const masterRestartWithData: Scenario = {
  name: 'master-restart-with-data',
  family: 'data',
  what: "The master's redis-server dies, and is back at once with all that it has in its append-only file.",
  setup: { baseConfig: ['appendonly yes'] },
  expect: { promotions: 1, writableWithinMs: FAST_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s Redis restarts with its data`, () => restartRedis(bed.master, 'kept'));
    await bed.replaced();
  },
};

function comeBack(bed: Bed, keepData: boolean): Promise<unknown> {
  // At the addresses that they had: the clients know no others.
  return Promise.all(bed.cluster.pods.map((pod) => pod.recreate({ sameIp: true, keepData })));
}

async function deleteAll(bed: Bed): Promise<void> {
  await bed.fault('all pods are deleted with their data', () =>
    Promise.all(bed.cluster.pods.map((pod) => pod.delete())),
  );
  bed.forgetWrites();
}

const allPodsColdStart: Scenario = {
  name: 'all-pods-cold-start',
  family: 'data',
  what: 'All pods are deleted with their data, and then start at once, with nothing.',
  expect: { promotions: 1 },
  async run(bed) {
    await deleteAll(bed);
    await bed.fault('all start at once', () => comeBack(bed, false));
    await bed.settled();
    await bed.sleep(AFTERWARDS_MS);
  },
};

const orderedStart: Scenario = {
  name: 'ordered-start',
  family: 'data',
  what: 'All pods are deleted with their data, and then start one by one, each when the ports of the one before are open.',
  expect: { promotions: 1 },
  async run(bed) {
    await deleteAll(bed);
    for (const pod of bed.cluster.pods) {
      await bed.fault(`${pod.name} starts`, () => pod.recreate({ sameIp: true }));
      await bed.sleep(500);
    }
    await bed.settled();
    await bed.sleep(AFTERWARDS_MS);
  },
};

const allPodsColdStartWithData: Scenario = {
  name: 'all-pods-cold-start-with-data',
  family: 'data',
  what: 'One pod after the other stops, the master as the last; then all start at once from what they have on disk.',
  // Told to stop, each one writes its file then. The last one had no quorum any more, and so took no writes that others lack.
  setup: { baseConfig: ['save 3600 1'] },
  expect: { isLossless: true },
  async run(bed) {
    for (const pod of [...bed.replicas, bed.master]) {
      await bed.fault(`${pod.name} stops, and keeps its data`, () => pod.stop({ keepData: true }));
      await bed.sleep(700);
    }
    await bed.fault('all start at once', () => comeBack(bed, true));
    await bed.settled();
    await bed.sleep(AFTERWARDS_MS);
  },
};

export const starts: readonly Scenario[] = [
  masterRestartEmptyFast,
  masterRestartWithData,
  allPodsColdStart,
  allPodsColdStartWithData,
  orderedStart,
];
