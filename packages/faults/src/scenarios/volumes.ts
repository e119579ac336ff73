import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  logged,
  messageOf,
  restartRedis,
  restartSidecar,
  sentinelMicro,
  type Host,
  type PodContext,
} from '@sentinel-micro/testkit';
import { hostOf, type Bed } from '../bed.ts';
import { until } from '../looks.ts';
import type { Scenario } from '../scenario.ts';
import { AFTERWARDS_MS } from '../timings.ts';

/** While it is there, the pod finds its config volume full when it starts. */
const startsFull = ({ dir }: PodContext['files']): string => join(dir, 'starts-full');

/** Writes until nothing more goes in. */
function fill(host: Host, dir: string): Promise<unknown> {
  return host.run(`dd if=/dev/zero of='${dir}/ballast' bs=1k 2>/dev/null || true`);
}

function free(host: Host, dir: string): Promise<unknown> {
  return host.run(`rm '${dir}/ballast'`);
}

/** Gives a pod small volumes of its own, as an emptyDir with a size limit. */
async function mountVolumes(pod: PodContext): Promise<void> {
  const { files } = pod;
  const host = hostOf(pod);
  await host.run(`mount -t tmpfs -o size=1m config '${files.configDir}'
mount -t tmpfs -o size=64m data '${files.dataDir}'`);
  if (existsSync(startsFull(files))) await fill(host, files.configDir);
}

async function masterCannotKeep(bed: Bed): Promise<void> {
  const { master } = bed;
  await bed.fault(`the config volume of ${master.name} is full`, () => fill(hostOf(master), master.files.configDir));
  await bed.fault(`${master.name}'s sidecar restarts`, () => restartSidecar(master));
  const isTold = (): boolean => logged([master], 'memory').length > 0;
  await until(`the sidecar of ${master.name} to say that it cannot write`, isTold);
  const still = await bed.settled();
  bed.check(still === master, `${still.name} is master now, for want of space`);
  await free(hostOf(master), master.files.configDir);
}

async function replicaCannotSync(bed: Bed): Promise<void> {
  const replica = bed.replica(0);
  const { dataDir } = replica.files;
  await bed.fault(`the data volume of ${replica.name} is full, and its Redis restarts`, async () => {
    // With the file of its last full sync it would only need the rest.
    await hostOf(replica).run(`rm -f '${dataDir}/dump.rdb'`);
    await fill(hostOf(replica), dataDir);
    await restartRedis(replica, 'kept');
  });
  await bed.sleep(AFTERWARDS_MS);
  bed.check((await replica.role()).linkUp !== true, `${replica.name} has synced, with a full volume`);
  bed.note(`its Redis said: ${replica.redisLogTail(100).findLast((line) => /space|write|temp/i.test(line)) ?? ''}`);
  await bed.fault('there is space again', () => free(hostOf(replica), dataDir));
  await bed.settled();
}

async function podCannotStart(bed: Bed): Promise<void> {
  const pod = bed.replica(1);
  writeFileSync(startsFull(pod.files), '');
  const error = await bed.fault(`${pod.name} is made anew, with a full config volume`, () =>
    pod.recreate().then(() => 'nothing', messageOf),
  );
  bed.note(`make-slave said: ${error.split('\n').slice(0, 3).join(' ')}`);
  bed.check(/ENOSPC|no space/i.test(error), `make-slave does not say that there is no space, but: ${error}`);
  rmSync(startsFull(pod.files));
  await bed.fault('there is space again', () => pod.recreate());
}

const diskFull: Scenario = {
  name: 'disk-full',
  family: 'data',
  what: "The config volume of the master is full, then the data volume of a replica, then a new pod's config volume.",
  setup: {
    program: {
      async init(pod) {
        await mountVolumes(pod);
        return sentinelMicro.init(pod);
      },
      sidecar: (pod) => sentinelMicro.sidecar(pod),
    },
  },
  expect: { promotions: 0, isLossless: true },
  async run(bed) {
    await masterCannotKeep(bed);
    await replicaCannotSync(bed);
    await podCannotStart(bed);
    await bed.settled();
  },
};

export const volumes: readonly Scenario[] = [diskFull];
