import { killSidecars, logged, writeKeys, type Pod } from '@sentinel-micro/testkit';
import type { Bed } from '../bed.ts';
import { discardedBytes, untilFollowing } from '../looks.ts';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { AFTERWARDS_MS } from '../timings.ts';

function follow(pod: Pod, other: Pod): Promise<unknown> {
  return pod.command('REPLICAOF', other.ip, other.redisTarget.port);
}

/** What the sidecars say when they put back what they did not order. */
function putBack(bed: Bed): number {
  return logged(bed.cluster.pods, 'repoint', 'repair', 'limbo').length;
}

/** While nobody is there to set it right, this happens; then all sidecars start. @returns the master they agree on */
async function withoutSidecars(bed: Bed, whatHappens: () => Promise<void>): Promise<Pod> {
  const { pods } = bed.cluster;
  await bed.fault('all sidecars are killed', () => killSidecars(pods));
  await whatHappens();
  await bed.fault('the sidecars start', () => Promise.all(pods.map((pod) => pod.startSidecar())));
  return bed.settled();
}

const zeroMasters: Scenario = {
  name: 'zero-masters',
  family: 'change',
  what: 'While all sidecars are dead, somebody makes each Redis a replica of the next one, in a circle.',
  expect: { promotions: 1 },
  async run(bed) {
    const { pods } = bed.cluster;
    await withoutSidecars(bed, async () => {
      await bed.fault('each Redis follows the next one', () =>
        Promise.all(pods.map((pod, n) => follow(pod, pods[(n + 1) % pods.length] as Pod))),
      );
      await bed.sleep(AFTERWARDS_MS);
      bed.check(!pods.some((pod) => bed.prober.isTaking(pod)), 'somebody still takes writes');
    });
  },
};

const SURPLUS_KEYS = 200;
/** Until the second master refuses writes again, whose replicas are with the first one. */
const BY_HAND_MS = 300;

/** Writes what only this Redis has. */
async function writeSurplus(pod: Pod): Promise<void> {
  // It has no replicas: without this it would refuse, and so it does afterwards.
  await pod.command('CONFIG', 'SET', 'min-replicas-to-write', 0);
  await writeKeys(pod, 'surplus', SURPLUS_KEYS);
  await pod.command('CONFIG', 'SET', 'min-replicas-to-write', 1);
}

const twoMastersAtStart: Scenario = {
  name: 'two-masters-at-start',
  family: 'change',
  what: 'While all sidecars are dead, a replica is made a master too, and is written to; then the sidecars start.',
  // Who wins the lease is not said: the old master, or a replica that takes over from it. But nobody elects the one by hand.
  expect: { promotions: [0, 2], overlapMs: BY_HAND_MS, isLossless: true },
  async run(bed) {
    const second = bed.replica(0);
    const before = discardedBytes(bed.cluster.pods);
    const master = await withoutSidecars(bed, async () => {
      await bed.fault(`${second.name} is made a master too, and written to`, async () => {
        await second.command('REPLICAOF', 'NO', 'ONE');
        await writeSurplus(second);
      });
      await bed.sleep(500);
    });
    bed.check(master !== second, `${master.name} is master now, which nobody has elected`);
    const discarded = discardedBytes(bed.cluster.pods) - before;
    bed.note(`${discarded} bytes are said to be thrown away`);
    bed.check(discarded > 0, 'nobody has said how much the second master had alone');
    bed.check((await master.command('EXISTS', 'surplus:0')) === 0, 'two histories were mixed');
  },
};

const chainedReplicas: Scenario = {
  name: 'chained-replicas',
  family: 'change',
  what: 'Somebody makes a replica follow another replica, once with its sidecar alive and once without.',
  expect: UNDISTURBED,
  async run(bed) {
    const [first, last] = [bed.replica(0), bed.replica(1)];
    const before = putBack(bed);
    await bed.fault(`${last.name} follows ${first.name}`, () => follow(last, first));
    await untilFollowing(last, bed.master);
    await bed.settled();
    bed.check(putBack(bed) > before, 'nobody has said that something was put back');
    await bed.fault(`${last.name} follows ${first.name}, and its sidecar is killed`, async () => {
      last.killSidecar();
      await follow(last, first);
    });
    await untilFollowing(last, bed.master);
  },
};

const DEAD_ADDRESS = '10.77.255.254';

const wrongMasterByHand: Scenario = {
  name: 'wrong-master-by-hand',
  family: 'change',
  what: 'Somebody types REPLICAOF NO ONE at a replica, and later makes the master a replica of an address that nobody has.',
  expect: { promotions: [0, 1] },
  async run(bed) {
    const replica = bed.replica(0);
    const before = putBack(bed);
    await bed.fault(`${replica.name} is told REPLICAOF NO ONE`, () => replica.command('REPLICAOF', 'NO', 'ONE'));
    await untilFollowing(replica, bed.master);
    await bed.settled();
    const between = putBack(bed);
    bed.check(between > before, 'nobody has said that the replica was put back');
    bed.check(bed.prober.promotions() === 0, 'a replica that somebody promoted by hand took writes');
    // Of nobody's: a master that is pointed at a replica throws away what that one lacks, before anybody can look.
    const toNobody = (): Promise<unknown> => bed.master.command('REPLICAOF', DEAD_ADDRESS, 6379);
    await bed.fault(`${bed.master.name} is made a replica of a dead address`, toNobody);
    await bed.sleep(AFTERWARDS_MS);
    await bed.settled();
    bed.check(putBack(bed) > between, 'nobody has said that the master was put back');
  },
};

export const byHand: readonly Scenario[] = [zeroMasters, twoMastersAtStart, chainedReplicas, wrongMasterByHand];
