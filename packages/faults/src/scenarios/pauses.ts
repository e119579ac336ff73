import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { LEASE_MS, NOT_DOWN_MS, REACHABLE_FENCE_MS, WAKE_UP_MS } from '../timings.ts';

const pauseRedis: Scenario = {
  name: 'pause-redis',
  family: 'pause',
  what: "The master's redis-server is stopped (SIGSTOP), and goes on when another pod is master.",
  expect: { promotions: 1, overlapMs: WAKE_UP_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s Redis is stopped`, () => bed.master.pauseRedis());
    await bed.replaced();
    await bed.fault(`${bed.master.name}'s Redis goes on`, () => bed.master.resumeRedis());
  },
};

const pauseSidecarOnly: Scenario = {
  name: 'pause-sidecar-only',
  family: 'pause',
  what: "The master's sidecar is stopped; its Redis goes on, and everybody reaches it.",
  expect: { promotions: 1, overlapMs: REACHABLE_FENCE_MS },
  fences: { sidecar: 'frozen', network: 'reachable' },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s sidecar is stopped`, () => bed.master.pauseSidecar());
    await bed.replaced();
    await bed.fault(`${bed.master.name}'s sidecar goes on`, () => bed.master.resumeSidecar());
  },
};

const pauseBothThenResume: Scenario = {
  name: 'pause-both-then-resume',
  family: 'pause',
  what: "The master's redis-server and sidecar are stopped, and both go on when another pod is master.",
  expect: { promotions: 1, overlapMs: WAKE_UP_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name} is stopped as a whole`, () => {
      bed.master.pauseRedis();
      bed.master.pauseSidecar();
    });
    await bed.replaced();
    await bed.fault(`${bed.master.name} goes on`, () => {
      bed.master.resumeRedis();
      bed.master.resumeSidecar();
    });
  },
};

const HALF_A_LEASE_MS = LEASE_MS / 2;

const pauseShorterThanLease: Scenario = {
  name: 'pause-shorter-than-lease',
  family: 'pause',
  what: "The master's sidecar is stopped for half a lease, and later its redis-server for less than `--down-after-ms`, which is as long.",
  expect: UNDISTURBED,
  async run(bed) {
    await bed.fault(`${bed.master.name}'s sidecar is stopped`, () => bed.master.pauseSidecar());
    await bed.sleep(HALF_A_LEASE_MS);
    await bed.fault(`${bed.master.name}'s sidecar goes on`, () => bed.master.resumeSidecar());
    await bed.sleep(LEASE_MS);
    await bed.fault(`${bed.master.name}'s Redis is stopped`, () => bed.master.pauseRedis());
    await bed.sleep(NOT_DOWN_MS);
    await bed.fault(`${bed.master.name}'s Redis goes on`, () => bed.master.resumeRedis());
    await bed.sleep(LEASE_MS);
  },
};

export const pauses: readonly Scenario[] = [pauseRedis, pauseSidecarOnly, pauseBothThenResume, pauseShorterThanLease];
