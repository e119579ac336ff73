import type { Bed } from '../bed.ts';
import type { Scenario } from '../scenario.ts';
import { AFTERWARDS_MS, FREE_MOVES, LONG_MS, REACHABLE_FENCE_MS, SILENT_OVERLAP_MS } from '../timings.ts';

/** Until the others have a new master, and a while longer. */
async function untilReplaced(bed: Bed): Promise<void> {
  await bed.waitForNewMaster();
  await bed.sleep(AFTERWARDS_MS);
}

const isolateMaster: Scenario = {
  name: 'isolate-master',
  family: 'partition',
  what: 'The master is cut off from everybody, silently.',
  expect: { promotions: 1 },
  fences: { sidecar: 'live', network: 'silent' },
  async run(bed) {
    await bed.fault(`${bed.master.name} is cut off from everybody`, () => bed.cuts.isolate([bed.master]));
    await untilReplaced(bed);
  },
};

const isolateMasterWithClient: Scenario = {
  name: 'isolate-master-with-client',
  family: 'partition',
  what: 'The master is cut off silently together with a client that goes on writing to it.',
  expect: { promotions: 1 },
  fences: { sidecar: 'live', network: 'silent' },
  async run(bed) {
    const side = [bed.master, bed.near];
    await bed.fault(`${bed.master.name} and a client are cut off from the rest`, () => bed.cuts.isolate(side));
    await untilReplaced(bed);
  },
};

const isolateReplica: Scenario = {
  name: 'isolate-replica',
  family: 'partition',
  what: 'A replica is cut off from everybody, silently, and comes back.',
  expect: { promotions: 0, terms: 0, isLossless: true },
  async run(bed) {
    const replica = bed.replica(0);
    await bed.fault(`${replica.name} is cut off from everybody`, () => bed.cuts.isolate([replica]));
    await bed.sleep(LONG_MS);
  },
};

const asymmetricIn: Scenario = {
  name: 'asymmetric-in',
  family: 'partition',
  what: 'Nothing reaches the master any more; what it sends arrives.',
  expect: { promotions: 1 },
  fences: { sidecar: 'live', network: 'silent' },
  async run(bed) {
    await bed.fault(`nothing reaches ${bed.master.name} any more`, () => bed.cuts.incoming([bed.master]));
    await untilReplaced(bed);
  },
};

const asymmetricOut: Scenario = {
  name: 'asymmetric-out',
  family: 'partition',
  what: 'Nothing that the master sends arrives any more; it hears the others.',
  expect: { promotions: 1 },
  fences: { sidecar: 'live', network: 'silent' },
  async run(bed) {
    await bed.fault(`nothing from ${bed.master.name} arrives any more`, () => bed.cuts.outgoing([bed.master]));
    await untilReplaced(bed);
  },
};

const candidateBlind: Scenario = {
  name: 'candidate-blind',
  family: 'partition',
  what: 'One replica cannot see the master any more; everybody else can.',
  expect: { promotions: 0, terms: 0, isLossless: true },
  async run(bed) {
    const blind = bed.replica(0);
    const cutting = (): Promise<unknown> => bed.cuts.between([blind], [bed.master]);
    await bed.fault(`${blind.name} and ${bed.master.name} do not see each other any more`, cutting);
    await bed.sleep(LONG_MS);
  },
};

const bridge: Scenario = {
  name: 'bridge',
  family: 'partition',
  what: 'Two halves share one pod that both can see; a client writes on either side.',
  expect: { promotions: [0, 1] },
  async run(bed) {
    const shared = bed.replica(0);
    // With the shared pod each side has a quorum: 1 + 1 and 1 + 1 of three, 2 + 1 and 2 + 1 of five.
    const half = (bed.replicas.length - 2) / 2;
    const ours = [bed.master, bed.near, ...bed.replicas.slice(1, 1 + half), shared];
    const theirs = [...bed.replicas.slice(1 + half), bed.far, shared];
    await bed.fault(`two halves, with ${shared.name} in both`, () => bed.cuts.between(ours, theirs));
    await bed.sleep(LONG_MS);
  },
};

const lossyNetwork: Scenario = {
  name: 'lossy-network',
  family: 'partition',
  what: 'Between all hosts a third of the packets is dropped, in each direction.',
  // More than half of all round trips fail, so leases do run out, and whoever wins the next one is promoted, most often the one
  // that has just lost it. But the master must not wander about: so often that the back-off has to stop it is too often.
  expect: { moves: [0, FREE_MOVES] },
  async run(bed) {
    await bed.fault('a third of all packets is lost', () => bed.cuts.lossy(33.3));
    await bed.sleep(2 * LONG_MS);
  },
};

const FLAPS = 6;

const flappingLink: Scenario = {
  name: 'flapping-link',
  family: 'partition',
  what: "The master's cable is pulled and put back each second, for twelve seconds.",
  // Each time shorter than a lease: at most the first moments of bad luck may move the master, and not again and again.
  expect: { promotions: [0, 2] },
  async run(bed) {
    const { host } = bed.master;
    if (host === undefined) throw new TypeError('a bed has hosts');
    for (let flap = 0; flap < FLAPS; flap++) {
      await bed.fault(`${bed.master.name}'s cable is out`, () => bed.network.setLink(host, false));
      await bed.sleep(1000);
      await bed.fault(`${bed.master.name}'s cable is in`, () => bed.network.setLink(host, true));
      await bed.sleep(1000);
    }
  },
};

const blackholeVsReset: Scenario = {
  name: 'blackhole-vs-reset',
  family: 'partition',
  what: 'The master is cut off silently; when all is well again, the new one is cut off with resets.',
  expect: { promotions: 2 },
  fences: { sidecar: 'live', network: 'reachable' },
  async run(bed) {
    const silent = await bed.fault(`${bed.master.name} is cut off silently`, () => bed.cuts.isolate([bed.master]));
    await untilReplaced(bed);
    await silent.heal();
    const second = await bed.settled();
    await bed.fault(`${second.name} is cut off with resets`, () => bed.cuts.isolate([second], 'reset'));
    await bed.waitForNewMaster(second);
    await bed.sleep(AFTERWARDS_MS);
  },
};

const frozenAndSilent: Scenario = {
  name: 'isolate-master-frozen-sidecar',
  family: 'partition',
  isExtra: true,
  what: "The master's sidecar is stopped, and at the same moment the master is cut off silently with a client.",
  expect: { promotions: 1, overlapMs: SILENT_OVERLAP_MS },
  fences: { sidecar: 'frozen', network: 'silent' },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s sidecar is stopped, and the pod cut off with a client`, async () => {
      bed.master.pauseSidecar();
      await bed.cuts.isolate([bed.master, bed.near]);
    });
    await untilReplaced(bed);
  },
};

const frozenAndReset: Scenario = {
  name: 'reset-master-frozen-sidecar',
  family: 'partition',
  isExtra: true,
  what: "The master's sidecar is stopped, and at the same moment the master is cut off with resets, with a client.",
  expect: { promotions: 1, overlapMs: REACHABLE_FENCE_MS },
  fences: { sidecar: 'frozen', network: 'reachable' },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s sidecar is stopped, and the pod cut off with resets`, async () => {
      bed.master.pauseSidecar();
      await bed.cuts.isolate([bed.master, bed.near], 'reset');
    });
    await untilReplaced(bed);
  },
};

export const partitions: readonly Scenario[] = [
  isolateMaster,
  isolateMasterWithClient,
  isolateReplica,
  asymmetricIn,
  asymmetricOut,
  candidateBlind,
  bridge,
  lossyNetwork,
  flappingLink,
  blackholeVsReset,
  frozenAndSilent,
  frozenAndReset,
];
