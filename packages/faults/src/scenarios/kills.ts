import type { Scenario } from '../scenario.ts';
import { FAST_MS, GRANT_MS } from '../timings.ts';

/** The kubelet's first restart comes within a second. */
const RESTART_DELAY_MS = 300;

const kill9MasterSmall: Scenario = {
  name: 'kill9-master-small',
  family: 'kill',
  what: "The master's redis-server is killed (SIGKILL); it comes back when another pod is master.",
  expect: { promotions: 1, writableWithinMs: FAST_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s Redis is killed`, () => bed.master.killRedis());
    await bed.replaced();
  },
};

const killSidecarOnMaster: Scenario = {
  name: 'kill-sidecar-on-master',
  family: 'kill',
  what: "The master's sidecar is killed and is back in time; then it is killed and stays away.",
  // Nothing the first time, a switchover that loses nothing the second time.
  expect: { promotions: 1, isLossless: true, writableWithinMs: FAST_MS + GRANT_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name}'s sidecar is killed`, () => bed.master.killSidecar());
    await bed.sleep(RESTART_DELAY_MS);
    await bed.fault(`${bed.master.name}'s sidecar is back`, () => bed.master.startSidecar());
    const still = await bed.settled();
    if (still !== bed.master) return;
    bed.countFromHere();
    await bed.fault(`${bed.master.name}'s sidecar is killed again`, () => bed.master.killSidecar());
    await bed.replaced();
  },
};

const podDeleteMaster: Scenario = {
  name: 'pod-delete-master',
  family: 'kill',
  what: "The master's pod is gone at once, and comes back with a new address and no data.",
  // Nobody is left who could give the lease back: it has to run out.
  expect: { promotions: 1, writableWithinMs: FAST_MS + GRANT_MS },
  async run(bed) {
    await bed.fault(`${bed.master.name} is deleted`, () => bed.master.delete());
    await bed.replaced();
    await bed.fault(`${bed.master.name} comes back empty, at a new address`, () => bed.master.recreate());
  },
};

export const kills: readonly Scenario[] = [kill9MasterSmall, killSidecarOnMaster, podDeleteMaster];
