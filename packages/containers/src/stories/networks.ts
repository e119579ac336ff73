import { sleep } from '@sentinel-micro/testkit';
import { InsideProbe } from '../set/index.ts';
import type { Story } from './story.ts';

const AFTERWARDS_MS = 2000;
const CALM_MS = 8000;
const disconnectMaster: Story = {
  name: 'disconnect-master',
  what: 'The master is taken off its network, and loses its address with that; asked from inside, it stops before another one begins.',
  async run(bed) {
    const { master: old } = bed;
    const inside = await InsideProbe.start(bed.docker, old.containerOf('redis'));
    try {
      bed.check(
        inside.last()?.acceptedAtMs !== undefined,
        `${old.name} does not take writes from inside: ${inside.last()?.text ?? ''}`,
      );
      await bed.fault(`${old.name}: docker network disconnect`, () => old.disconnect());
      const next = await bed.replaced();
      await sleep(AFTERWARDS_MS);
      const lastMs = inside.lastAcceptedAtMs() ?? 0;
      const firstMs = bed.prober.firstAccepted(next)?.sentAtMs ?? 0;
      bed.check(
        inside.last()?.acceptedAtMs === undefined,
        `${old.name} still takes writes: ${inside.last()?.text ?? ''}`,
      );
      bed.overlapped(lastMs - firstMs);
      bed.note(`${old.name} took its last write ${(lastMs - firstMs).toFixed(0)} ms after ${next.name} took its first`);
    } finally {
      inside.stop();
    }
    await bed.fault(`${old.name}: docker network connect`, () => old.connect());
    const master = await bed.whole();
    bed.check(master !== old, `${old.name} is master again, which nobody asked for`);
  },
};

const disconnectReplica: Story = {
  name: 'disconnect-replica',
  what: 'A replica is taken off the network and put back; the master stays.',
  isLossless: true,
  async run(bed) {
    const [replica] = bed.set.others(bed.master);
    if (replica === undefined) return;
    await bed.fault(`${replica.name}: docker network disconnect`, () => replica.disconnect());
    await sleep(CALM_MS);
    await bed.writes();
    await bed.fault(`${replica.name}: docker network connect`, () => replica.connect());
    const master = await bed.whole();
    bed.check(master === bed.master, `${master.name} became master, and the master was well`);
  },
};

const silentUpstream: Story = {
  name: 'dns-silent-for-others',
  what: "The engine's DNS knows the pods, and nobody answers for names that it does not know: a new pod finds the master all the same.",
  isUpstreamSilent: true,
  async run(bed) {
    const [replica] = bed.set.others(bed.master);
    if (replica === undefined) return;
    await bed.fault(`${replica.name} is replaced`, () => replica.replace());
    bed.check(
      replica.makeSlaveLog.includes(bed.master.ip),
      `make-slave of the new ${replica.name} did not find the master: ${replica.makeSlaveLog.trim()}`,
    );
    const master = await bed.whole();
    bed.check(master === bed.master, `${master.name} became master, and the master was well`);
  },
};

export const networks: readonly Story[] = [disconnectMaster, disconnectReplica, silentUpstream];
