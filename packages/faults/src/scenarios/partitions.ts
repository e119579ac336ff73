import type { CutKind } from '@sentinel-micro/testkit';
import { hostOf, type Bed } from '../bed.ts';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { FREE_MOVES, LONG_MS, REACHABLE_FENCE_MS, SILENT_OVERLAP_MS } from '../timings.ts';

/** What one cut differs from another in. */
interface Case extends Pick<Scenario, 'name' | 'what' | 'isExtra'>, Partial<Pick<Scenario, 'expect' | 'fences'>> {
  /** What the timeline says of it. */
  readonly told: (bed: Bed) => string;
  readonly cut: (bed: Bed) => Promise<unknown>;
}

/** A cut that leaves the master without a quorum: another one is elected. By default a silent one, and all sidecars live. */
function losesMaster({ told, cut, ...about }: Case): Scenario {
  return {
    family: 'partition',
    expect: { promotions: 1 },
    fences: { sidecar: 'live', network: 'silent' },
    ...about,
    async run(bed) {
      await bed.fault(told(bed), () => cut(bed));
      await bed.replaced();
    },
  };
}

/** A cut that leaves the master with a quorum: by default nothing comes of it. */
function keepsMaster({ told, cut, ...about }: Case): Scenario {
  return {
    family: 'partition',
    expect: UNDISTURBED,
    ...about,
    async run(bed) {
      await bed.fault(told(bed), () => cut(bed));
      await bed.sleep(LONG_MS);
    },
  };
}

const isolateMaster = losesMaster({
  name: 'isolate-master',
  what: 'The master is cut off from everybody, silently.',
  told: ({ master }) => `${master.name} is cut off from everybody`,
  cut: ({ cuts, master }) => cuts.isolate([master]),
});

const isolateMasterWithClient = losesMaster({
  name: 'isolate-master-with-client',
  what: 'The master is cut off silently together with a client that goes on writing to it.',
  told: ({ master }) => `${master.name} and a client are cut off from the rest`,
  cut: ({ cuts, master, near }) => cuts.isolate([master, near]),
});

const isolateReplica = keepsMaster({
  name: 'isolate-replica',
  what: 'A replica is cut off from everybody, silently, and comes back.',
  told: (bed) => `${bed.replica(0).name} is cut off from everybody`,
  cut: (bed) => bed.cuts.isolate([bed.replica(0)]),
});

const asymmetricIn = losesMaster({
  name: 'asymmetric-in',
  what: 'Nothing reaches the master any more; what it sends arrives.',
  told: ({ master }) => `nothing reaches ${master.name} any more`,
  cut: ({ cuts, master }) => cuts.incoming([master]),
});

const asymmetricOut = losesMaster({
  name: 'asymmetric-out',
  what: 'Nothing that the master sends arrives any more; it hears the others.',
  told: ({ master }) => `nothing from ${master.name} arrives any more`,
  cut: ({ cuts, master }) => cuts.outgoing([master]),
});

const candidateBlind = keepsMaster({
  name: 'candidate-blind',
  what: 'One replica cannot see the master any more; everybody else can.',
  told: (bed) => `${bed.replica(0).name} and ${bed.master.name} do not see each other any more`,
  cut: (bed) => bed.cuts.between([bed.replica(0)], [bed.master]),
});

const bridge = keepsMaster({
  name: 'bridge',
  what: 'Two halves share one pod that both can see; a client writes on either side.',
  expect: { promotions: [0, 1] },
  told: (bed) => `two halves, with ${bed.replica(0).name} in both`,
  cut: (bed) => {
    const shared = bed.replica(0);
    // With the shared pod each side has a quorum: 1 + 1 and 1 + 1 of three, 2 + 1 and 2 + 1 of five.
    const half = (bed.replicas.length - 2) / 2;
    const ours = [bed.master, bed.near, ...bed.replicas.slice(1, 1 + half), shared];
    const theirs = [...bed.replicas.slice(1 + half), bed.far, shared];
    return bed.cuts.between(ours, theirs);
  },
});

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
    const host = hostOf(bed.master);
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
    await bed.replaced();
    await silent.heal();
    const second = await bed.settled();
    await bed.fault(`${second.name} is cut off with resets`, () => bed.cuts.isolate([second], 'reset'));
    await bed.replaced(second);
  },
};

/** At one moment the master's sidecar is stopped, and the pod cut off with a client. */
async function freezeAndCut({ master, near, cuts }: Bed, kind?: CutKind): Promise<void> {
  master.pauseSidecar();
  await cuts.isolate([master, near], kind);
}

const frozenAndSilent = losesMaster({
  name: 'isolate-master-frozen-sidecar',
  isExtra: true,
  what: "The master's sidecar is stopped, and at the same moment the master is cut off silently with a client.",
  expect: { promotions: 1, overlapMs: SILENT_OVERLAP_MS },
  fences: { sidecar: 'frozen', network: 'silent' },
  told: ({ master }) => `${master.name}'s sidecar is stopped, and the pod cut off with a client`,
  cut: (bed) => freezeAndCut(bed),
});

const frozenAndReset = losesMaster({
  name: 'reset-master-frozen-sidecar',
  isExtra: true,
  what: "The master's sidecar is stopped, and at the same moment the master is cut off with resets, with a client.",
  expect: { promotions: 1, overlapMs: REACHABLE_FENCE_MS },
  fences: { sidecar: 'frozen', network: 'reachable' },
  told: ({ master }) => `${master.name}'s sidecar is stopped, and the pod cut off with resets`,
  cut: (bed) => freezeAndCut(bed, 'reset'),
});

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
