import { sleep } from '@sentinel-micro/testkit';
import type { Bed } from './bed.ts';
import type { Story } from './story.ts';
import type { ContainerPod } from '../set/index.ts';

/** Longer than a voter keeps its promise: whoever can be elected by mistake has been by then. */
const LONG_MS = 4000;
const KILLED = 137;

async function comesBackAsReplica(bed: Bed, pod: ContainerPod): Promise<void> {
  const master = await bed.whole();
  bed.check(master !== pod, `${pod.name} is master again, which nobody asked for`);
}

const killRedis: Story = {
  name: 'kill-redis',
  what: "The master's redis container is killed, and started again when another pod is master.",
  async run(bed) {
    await bed.fault(`${bed.master.name}: docker kill redis`, () => bed.master.order(['kill'], 'redis'));
    await bed.replaced();
    await bed.fault(`${bed.master.name}: docker start redis`, () => bed.master.order(['start'], 'redis'));
    await comesBackAsReplica(bed, bed.master);
  },
};

const restartMaster: Story = {
  name: 'restart-redis-of-master',
  what: "The master's redis container alone restarts, without make-slave.",
  async run(bed) {
    const restart = (): Promise<void> => bed.master.order(['restart', '--time', '0'], 'redis');
    await bed.fault(`${bed.master.name}: docker restart redis`, restart);
    await bed.whole();
    await sleep(LONG_MS);
  },
};

const restartReplica: Story = {
  name: 'restart-redis-of-replica',
  what: "A replica's redis container alone restarts; nothing else may move.",
  isLossless: true,
  async run(bed) {
    const [replica] = bed.set.others(bed.master);
    if (replica === undefined) return;
    await bed.fault(`${replica.name}: docker restart redis`, () => replica.order(['restart', '--time', '0'], 'redis'));
    const master = await bed.whole();
    bed.check(master === bed.master, `${master.name} became master, and the master was well`);
  },
};

const redisAlone: Story = {
  name: 'redis-alone-is-fenced',
  what: 'The redis container of the old master restarts while nothing runs beside it: it takes no write.',
  async run(bed) {
    const { master: old } = bed;
    await bed.fault(`${old.name}: docker kill sentinel and redis`, () => old.order(['kill'], 'sentinel', 'redis'));
    await bed.replaced();
    await bed.fault(`${old.name}: docker start redis, without its sidecar`, () => old.order(['start'], 'redis'));
    await sleep(LONG_MS);
    const { role } = await old.role();
    bed.check(role === 'replica', `${old.name} started as ${role}`);
    bed.check(bed.prober.isRefusing(old), `${old.name} takes writes without a sidecar`);
    await bed.fault(`${old.name}: docker start sentinel`, () => old.order(['start'], 'sentinel'));
    await comesBackAsReplica(bed, old);
  },
};

const replacePod: Story = {
  name: 'replace-pod',
  what: 'All containers and volumes of the master are removed, and a new pod of the same name comes.',
  async run(bed) {
    const { master: old } = bed;
    await bed.fault(`${old.name}: docker kill, all its containers`, () =>
      old.order(['kill'], 'sentinel', 'redis', 'holder'),
    );
    const next = await bed.replaced();
    await bed.fault(`${old.name} is replaced`, () => old.replace());
    bed.check(
      old.makeSlaveLog.includes(`replica of ${next.name}`) || old.makeSlaveLog.includes(next.ip),
      `make-slave of the new ${old.name} did not find the master: ${old.makeSlaveLog.trim()}`,
    );
    await comesBackAsReplica(bed, old);
  },
};

const stopSidecar: Story = {
  name: 'stop-sidecar',
  what: "The master's sidecar container is told to stop (SIGTERM): it hands over, loses nothing, and ends with code 0.",
  isLossless: true,
  async run(bed) {
    await bed.fault(`${bed.master.name}: docker stop sentinel`, () =>
      bed.master.order(['stop', '--time', '30'], 'sentinel'),
    );
    const code = await bed.master.exitCode('sentinel');
    bed.check(code === 0, `the sidecar ended with code ${code}, not 0`);
    await bed.replaced();
    await bed.fault(`${bed.master.name}: docker start sentinel`, () => bed.master.order(['start'], 'sentinel'));
    await comesBackAsReplica(bed, bed.master);
  },
};

const killHung: Story = {
  name: 'kill-hung',
  what: "With --kill-hung and a shared process namespace: the master's redis-server is stopped by SIGSTOP, and its sidecar kills it.",
  sharesProcesses: true,
  sentinelFlags: ['--kill-hung'],
  async run(bed) {
    const { master: old } = bed;
    await bed.fault(`${old.name}: SIGSTOP to redis`, () => old.order(['kill', '--signal', 'STOP'], 'redis'));
    await bed.replaced();
    bed.check(!(await old.isRunning('redis')), `the hanging Redis of ${old.name} was not killed`);
    const code = await old.exitCode('redis');
    bed.check(code === KILLED, `the redis container ended with code ${code}, not ${KILLED}`);
    await bed.fault(`${old.name}: docker start redis`, () => old.order(['start'], 'redis'));
    await comesBackAsReplica(bed, old);
  },
};

export const deaths: readonly Story[] = [
  ...[killRedis, restartMaster, restartReplica, redisAlone, replacePod, stopSidecar],
  killHung,
];
