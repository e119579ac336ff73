import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError, findTool, sentinelMicro, type Pod, type PodContext } from '@sentinel-micro/testkit';
import { until } from '../looks.ts';
import { replacePod } from '../replace-pod.ts';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { LEASE_MS } from '../timings.ts';

const rollingUpdate: Scenario = {
  name: 'rolling-update',
  family: 'change',
  what: 'All pods are stopped and made anew, one by one, the last first, each when the set is whole again.',
  expect: { promotions: [1, 3], isLossless: true },
  async run(bed) {
    for (const pod of [...bed.cluster.pods].reverse()) {
      await replacePod(bed, pod);
      await bed.settled();
      await bed.letClientsLook();
    }
  },
};

/** What the clock of a sidecar shows beyond the true time, as libfaketime reads it. */
const clockFile = ({ dir }: PodContext['files']): string => join(dir, 'clock');

function setClocks(pods: readonly Pod[], hours: number): void {
  for (const { files } of pods) writeFileSync(clockFile(files), `${hours < 0 ? '' : '+'}${hours}h\n`);
}

/** The wall clock as its file says; clocks that only count the time that passes stay as they are, as in real life. */
function withFakeClock(pod: PodContext): Readonly<Record<string, string>> {
  const library = findTool('libfaketime');
  if (library === undefined) {
    throw new TestkitError('TOOLS_MISSING', 'libfaketime is needed: node scripts/tools.mjs --tool libfaketime');
  }
  return {
    ...library.env,
    LD_PRELOAD: library.command,
    FAKETIME_TIMESTAMP_FILE: clockFile(pod.files),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}

const HOUR_MS = 3_600_000;

/** How far ahead the clock of this sidecar is, as its last line in the log says. */
function aheadMs(pod: Pod): number {
  const at = pod.sidecarLog(1).at(-1)?.['timestamp'];
  return Date.parse(String(at)) - Date.now();
}

const clockStep: Scenario = {
  name: 'clock-step',
  family: 'change',
  what: "The wall clock of the master's sidecar jumps an hour ahead, that of the others an hour back, then all to and fro.",
  needs: 'libfaketime',
  setup: {
    program: {
      init: (pod) => sentinelMicro.init(pod),
      sidecar(pod) {
        writeFileSync(clockFile(pod.files), '+0\n', { flag: 'a' });
        return { ...sentinelMicro.sidecar(pod), env: withFakeClock(pod) };
      },
    },
  },
  expect: UNDISTURBED,
  async run(bed) {
    const { pods } = bed.cluster;
    await bed.fault(`an hour ahead at ${bed.master.name}`, () => setClocks([bed.master], 1));
    await bed.sleep(2 * LEASE_MS);
    await bed.fault('an hour back at the others', () => setClocks(bed.replicas, -1));
    await bed.sleep(2 * LEASE_MS);
    await bed.fault('two hours back everywhere', () => setClocks(pods, -2));
    await bed.sleep(2 * LEASE_MS);
    await bed.fault('an hour ahead everywhere', () => setClocks(pods, 1));
    await bed.sleep(2 * LEASE_MS);
    // Sidecars that have nothing to tell do not show their time: one is asked to stop, and told to start again.
    const witness = bed.replica(0);
    await witness.stopSidecar();
    const shown = aheadMs(witness);
    bed.note(`the clock of ${witness.name} is ${(shown / HOUR_MS).toFixed(2)} hours ahead`);
    bed.check(Math.abs(shown - HOUR_MS) < HOUR_MS / 10, 'the clock has not jumped at all');
    await witness.startSidecar();
    await until('it to run', () => witness.isSidecarAlive());
  },
};

export const changes: readonly Scenario[] = [rollingUpdate, clockStep];
