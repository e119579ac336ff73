import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  Cluster,
  FOREIGN_KEYS,
  RedisCommander,
  foreignMessages,
  keysOf,
  logged,
  parseInfo,
  parseRole,
  sentinelMicro,
  startForeignRedis,
  syncsServedBy,
  type Host,
  type Pod,
  type PodContext,
  type RedisProcess,
} from '@sentinel-micro/testkit';
import type { Bed } from '../bed.ts';
import { LIMBO_HOST, isInLimbo, until } from '../looks.ts';
import { UNDISTURBED, type Scenario } from '../scenario.ts';
import { AFTERWARDS_MS, LEASE_MS } from '../timings.ts';

/** A Redis of somebody else on this host. */
function foreignRedis(bed: Bed, host: Host): Promise<RedisProcess> {
  const { tools, redisPort: port } = bed.cluster.settings;
  const dir = join(bed.cluster.dir, 'stranger');
  return startForeignRedis({ tool: tools.redisServer, host: host.ip, port, dir, inside: host });
}

const ipReuseForeignRedis: Scenario = {
  name: 'ip-reuse-foreign-redis',
  family: 'identity',
  what: "The master's pod is gone, and somebody else's Redis, without a password, answers at its address; DNS still names it.",
  expect: { promotions: 1 },
  async run(bed) {
    const { name, ip } = bed.master;
    const stale = await bed.fault(`${name} is deleted, and a stranger has its address`, async () => {
      await bed.cluster.setDnsView((_asking, pods) => [...pods.filter((pod) => pod.name !== name), { name, ip }]);
      await bed.master.delete();
      const host = await bed.network.addHost('stranger', { ip });
      // Our clients are to tell what the set does; the stranger would take what they write.
      await bed.cuts.between([host], [bed.near, bed.far]);
      return host;
    });
    const stranger = await foreignRedis(bed, stale);
    try {
      bed.note('the stranger answers');
      await bed.waitForNewMaster();
      await bed.sleep(LEASE_MS * 2);
      bed.check((await syncsServedBy(stranger)) === 0, 'a replica has taken data from the stranger');
      bed.check((await keysOf(stranger)) === FOREIGN_KEYS, "the stranger's data has changed");
      const role = parseInfo(await stranger.text('INFO', 'replication')).get('role');
      bed.check(role === 'master', 'the stranger was made a replica');
      for (const pod of bed.replicas) {
        bed.check((await pod.command('EXISTS', 'foreign:0')) === 0, `${pod.name} has the stranger's data`);
      }
    } finally {
      await stranger.killAndWait();
      await bed.network.removeHost(stale);
      await bed.cluster.setDnsView((_asking, pods) => pods);
    }
    await bed.fault(`${name} comes back at another address`, () => bed.master.recreate());
  },
};

/** Another set on the same network, of which one pod exists; its DNS, and ours, mix the two up. */
async function otherSet(bed: Bed): Promise<Cluster> {
  const { tools, bundles } = bed.cluster.settings;
  const place = { network: bed.network, dir: join(bed.cluster.dir, 'other'), tools, bundles };
  const other = await Cluster.create({ ...place, namespace: 'other', pods: 1, replicas: bed.cluster.pods.length });
  const ours = bed.cluster.pods.slice(1).map(({ name, ip }) => ({ name, ip }));
  await other.setDnsView((_asking, pods) => [...pods, ...ours]);
  await other.startPods();
  const { ip } = other.pod(0);
  await bed.cluster.setDnsView((_asking, pods) => [...pods, { name: 'redis-7', ip }]);
  return other;
}

const refusedBy = async (pod: Pod): Promise<number> => Number((await pod.peerStatus()).raw['refusedMessages']);

const foreignSidecar: Scenario = {
  name: 'foreign-sidecar',
  family: 'identity',
  what: 'DNS mixes our pods up with one of another cluster; its sidecar asks ours for votes, and sends them orders.',
  expect: UNDISTURBED,
  async run(bed) {
    const other = await bed.fault('a pod of another cluster appears in DNS', () => otherSet(bed));
    try {
      await bed.sleep(LEASE_MS * 2);
      const stranger = other.pod(0);
      bed.check(await isInLimbo(stranger), 'the stranger is in no limbo: it has found a quorum, or a master');
      bed.check((await keysOf(stranger)) === 0, 'the stranger has taken our data');
      const isReported = (): boolean =>
        logged(bed.cluster.pods, 'peer').some((line) => String(line['message']).includes(stranger.ip));
      await until('somebody to report the stranger', isReported);
      const voter = bed.replica(0);
      const before = await refusedBy(voter);
      const messages = foreignMessages(bed.master.name, stranger.ip);
      for (const message of messages) {
        const answer = String(await voter.sidecarCommand('PEER', message.type, JSON.stringify(message)));
        bed.check(answer.includes('refused'), `${message.type} of another cluster was answered with ${answer}`);
      }
      const counted = (await refusedBy(voter)) - before;
      bed.check(counted === messages.length, `${counted} of ${messages.length} refused messages were counted`);
      await bed.sleep(AFTERWARDS_MS);
    } finally {
      await other.stop();
      await bed.cluster.setDnsView((_asking, pods) => pods);
    }
  },
};

const RIGHT = 'right-password';
const WRONG = 'wrong-password';

/** While it is there, the pod's Secret and its redis.conf are those of somebody else. */
const mistake = ({ dir }: PodContext['files']): string => join(dir, 'mistake');

function makeMistakes({ files }: PodContext): void {
  try {
    readFileSync(mistake(files));
  } catch {
    return;
  }
  writeFileSync(files.passwordFile, `${WRONG}\n`);
  writeFileSync(files.baseConfig, readFileSync(files.baseConfig, 'utf8').replaceAll(RIGHT, WRONG));
}

const passwordWrong: Scenario = {
  name: 'password-wrong',
  family: 'identity',
  what: 'A replica is made anew with another password than the rest of the set.',
  setup: {
    password: RIGHT,
    program: {
      init(pod) {
        makeMistakes(pod);
        return sentinelMicro.init(pod);
      },
      sidecar: (pod) => sentinelMicro.sidecar(pod),
    },
  },
  expect: UNDISTURBED,
  async run(bed) {
    const wrong = bed.replica(0);
    writeFileSync(mistake(wrong.files), '');
    await bed.fault(`${wrong.name} is made anew with another password`, () => wrong.recreate());
    const rest = bed.cluster.podsExcept(wrong);
    const isReported = (): boolean =>
      logged(rest, 'peer').some(({ message }) => /password|WRONGPASS|NOAUTH|log in/i.test(String(message)));
    await until('the others to report the wrong password', isReported);
    await bed.sleep(LEASE_MS * 2);
    const told = logged([wrong], 'peer').map(({ message }) => String(message));
    bed.note(`${wrong.name} said: ${told.at(-1) ?? 'nothing'}`);
    bed.check(told.length > 0, `${wrong.name} itself has reported nothing`);
    bed.check((await masterOf(wrong)) === LIMBO_HOST, `${wrong.name} is not in limbo`);
    const { replicas } = await bed.master.role();
    bed.check(replicas.length === rest.length - 1, 'the one with the wrong password is a replica all the same');
    rmSync(mistake(wrong.files));
    await bed.fault(`${wrong.name} is made anew with the right password`, () => wrong.recreate());
  },
};

/** Whom its Redis follows, as it tells who has its own password. */
async function masterOf(wrong: Pod): Promise<string | undefined> {
  const commander = new RedisCommander({ ...wrong.redisTarget, password: WRONG });
  try {
    return parseRole(await commander.text('INFO', 'replication')).masterHost;
  } finally {
    commander.close();
  }
}

export const strangers: readonly Scenario[] = [ipReuseForeignRedis, foreignSidecar, passwordWrong];
