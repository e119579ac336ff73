import { keysOf, logged, restartRedis, type Pod } from '@sentinel-micro/testkit';
import { discardedBytes, setPriority } from '../looks.ts';
import type { Bed } from '../bed.ts';
import type { Scenario } from '../scenario.ts';
import { AFTERWARDS_MS, DATA_WAIT_MS, FAST_MS } from '../timings.ts';

const divergentRejoin: Scenario = {
  name: 'divergent-rejoin',
  family: 'data',
  what: 'The master is cut off with a client that goes on writing, and returns with writes that nobody else has.',
  expect: { promotions: 1 },
  async run(bed) {
    const before = discardedBytes(bed.cluster.pods);
    const cutting = (): Promise<unknown> => bed.cuts.isolate([bed.master, bed.near]);
    await bed.fault(`${bed.master.name} is cut off with a client`, cutting);
    await bed.replaced();
    const old = await bed.master.role();
    await bed.cuts.healAll();
    await bed.fault('the cut is healed', () => bed.settled());
    const discarded = discardedBytes(bed.cluster.pods) - before;
    bed.note(`${discarded} bytes are said to be thrown away; ${bed.master.name} had come to ${old.offset}`);
    bed.check(discarded > 0, 'nobody has said how much the old master threw away');
  },
};

/** Cuts these off from the master while clients write, and kills its Redis: they lack what the others have. */
async function killWhileLagging(bed: Bed, lagging: readonly Pod[]): Promise<Pod> {
  const names = lagging.map(({ name }) => name).join(', ');
  const cut = await bed.cuts.between([bed.master], lagging);
  bed.note(`${names} does not see the master any more`);
  await bed.sleep(AFTERWARDS_MS / 2);
  await bed.fault(`${bed.master.name}'s Redis is killed`, () => bed.master.killRedis());
  // Not healed at once: the kernel would still deliver what the dead process had sent to them.
  const next = await bed.waitForNewMaster();
  await cut.heal();
  return next;
}

const laggingCandidate: Scenario = {
  name: 'lagging-candidate',
  family: 'data',
  what: 'The replica with the best priority has been cut off from the master for a moment when the master dies.',
  expect: { promotions: [1, 2], writableWithinMs: FAST_MS + DATA_WAIT_MS },
  async run(bed) {
    const preferred = bed.replica(0);
    await setPriority(preferred, 10);
    await killWhileLagging(bed, [preferred]);
    await bed.sleep(AFTERWARDS_MS);
  },
};

const priorityZeroHasMost: Scenario = {
  name: 'priority-zero-has-most',
  family: 'data',
  what: 'Only replicas of priority 0 have the last confirmed writes when the master dies: the others were cut off from it.',
  expect: { promotions: 1, writableWithinMs: FAST_MS + DATA_WAIT_MS },
  async run(bed) {
    const never = bed.replicas.slice(0, Math.floor(bed.cluster.pods.length / 2));
    for (const pod of never) await setPriority(pod, 0);
    const next = await killWhileLagging(
      bed,
      bed.replicas.filter((pod) => !never.includes(pod)),
    );
    bed.check(!never.includes(next), `${next.name} was promoted, whose priority is 0`);
    await bed.sleep(AFTERWARDS_MS);
    bed.check(logged(bed.cluster.pods, 'borrow').length > 0, 'nobody has borrowed from a pod of priority 0');
    bed.check(logged(bed.cluster.pods, 'donate').length > 0, 'no pod of priority 0 has donated');
  },
};

const emptyVoter: Scenario = {
  name: 'empty-voter',
  family: 'data',
  what: 'A replica restarts without data and cannot reach the master, which then dies; it votes, and has the best priority.',
  // The empty one may hold the election first, and hand it over when it has waited in vain.
  expect: { promotions: 1, writableWithinMs: FAST_MS + 2 * DATA_WAIT_MS },
  async run(bed) {
    const empty = bed.replica(0);
    for (const pod of bed.replicas.slice(1)) await setPriority(pod, 200);
    const cut = await bed.cuts.between([bed.master], [empty]);
    await restartRedis(empty, 'emptied');
    await bed.sleep(500);
    bed.check((await keysOf(empty)) === 0, `${empty.name} is not empty`);
    await bed.fault(`${bed.master.name}'s Redis is killed`, () => bed.master.killRedis());
    await cut.heal();
    const next = await bed.waitForNewMaster();
    bed.check(next !== empty, `${empty.name} was promoted without any data`);
    await bed.sleep(AFTERWARDS_MS);
  },
};

export const lineages: readonly Scenario[] = [divergentRejoin, laggingCandidate, priorityZeroHasMost, emptyVoter];
