// Runs in namespaces of its own, for hosts.test.ts: does the experiment that is named, and writes what came of it.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster, HostNetwork, ManagedProcess, mountScratch, sleep, waitUntil } from '../../src/index.ts';
import type { Cut, Host, Pod } from '../../src/index.ts';

const [, , experiment = '', dir = '', here = ''] = process.argv;
const SETTLE_MS = 600;
const PATIENCE_MS = 10_000;

let names = 0;

function start(host: Host, command: string, ...args: string[]): ManagedProcess {
  const name = `${experiment}-${host.name}-${names++}`;
  return ManagedProcess.start({ name, command, args, cwd: dir, logFile: join(dir, `${name}.log`), inside: host });
}

function talker(host: Host, ...args: string[]): ManagedProcess {
  return start(host, process.execPath, join(here, 'talker.mjs'), ...args);
}

/** Hosts a, b and c; everybody listens. */
async function threeHosts(): Promise<{ network: HostNetwork; a: Host; b: Host; c: Host }> {
  const network = await HostNetwork.create({ dir: join(dir, 'network') });
  const hosts = await Promise.all(['a', 'b', 'c'].map((name) => network.addHost(name)));
  const listeners = hosts.map((host) => talker(host, 'listen'));
  for (const listener of listeners) await printed(listener, 'listening');
  const [a, b, c] = hosts as [Host, Host, Host];
  return { network, a, b, c };
}

function printed(process: ManagedProcess, line: string): Promise<true> {
  const seen = (): true | undefined => (process.logTail(1000).includes(line) ? true : undefined);
  return waitUntil(seen, { what: `${process.name} to print ${line}`, timeoutMs: PATIENCE_MS });
}

/** What became of a connection in the last moments: answers, the error that ended it, or silence. */
async function stateOf(talk: ManagedProcess): Promise<string> {
  const before = talk.logTail(1000).length;
  await sleep(SETTLE_MS);
  const lines = talk.logTail(1000).slice(before);
  const all = talk.logTail(1000);
  if (!talk.isAlive()) return all.at(-1) ?? 'nothing';
  return lines.includes('answered') ? 'answers' : 'silence';
}

/** Who reaches whom with an existing connection, and with a new one. */
async function reach(from: Host, to: Host, existing: ManagedProcess): Promise<{ existing: string; fresh: string }> {
  const fresh = talker(from, 'talk', to.ip);
  const states = await Promise.all([stateOf(existing), stateOf(fresh)]);
  await fresh.killAndWait();
  return { existing: states[0], fresh: states[1] };
}

/** Does a cut between a (in place of a pod) and the others, and looks at all that is to be seen before, during and after. */
async function tryCut(cutting: (network: HostNetwork, a: Host, b: Host, c: Host) => Promise<Cut>): Promise<unknown> {
  const { network, a, b, c } = await threeHosts();
  const talks = { ab: talker(a, 'talk', b.ip), ba: talker(b, 'talk', a.ip), bc: talker(b, 'talk', c.ip) };
  for (const talk of Object.values(talks)) await printed(talk, 'answered');
  const cut = await cutting(network, a, b, c);
  await sleep(SETTLE_MS);
  const [ab, ba, bc] = await Promise.all([reach(a, b, talks.ab), reach(b, a, talks.ba), reach(b, c, talks.bc)]);
  const observer = await Promise.all([a, b, c].map((host) => observerReaches(host)));
  await cut.heal();
  const fresh = talker(a, 'talk', b.ip);
  await printed(fresh, 'answered');
  return { ab, ba, bc, observer, healed: await stateOf(fresh) };
}

async function observerReaches(host: Host): Promise<string> {
  const talk = ManagedProcess.start({
    name: `observer-${host.name}`,
    command: process.execPath,
    args: [join(here, 'talker.mjs'), 'talk', host.ip],
    cwd: dir,
    logFile: join(dir, `observer-${host.name}-${names++}.log`),
  });
  await waitUntil(() => (talk.logTail(5).length > 0 ? true : undefined), { what: 'a connection', timeoutMs: 5000 });
  const state = await stateOf(talk);
  await talk.killAndWait();
  return state;
}

const DATAGRAMS = 300;

/** How many messages get from a to b, and from b to a, while a cut stands. */
async function countBothWays(cutting: (network: HostNetwork, a: Host) => Promise<Cut>): Promise<unknown> {
  const network = await HostNetwork.create({ dir: join(dir, 'network') });
  const [a, b] = [await network.addHost('a'), await network.addHost('b')];
  const program = join(here, 'datagrams.mjs');
  const hears = [a, b].map((host) => start(host, process.execPath, program, 'hear'));
  for (const hear of hears) await printed(hear, 'listening');
  await cutting(network, a);
  const says = [
    start(b, process.execPath, program, 'say', a.ip, String(DATAGRAMS)),
    start(a, process.execPath, program, 'say', b.ip, String(DATAGRAMS)),
  ];
  await Promise.all(says.map((say) => say.exited));
  await sleep(SETTLE_MS);
  const [toA, toB] = hears.map((hear) => hear.logTail(1000).length - 1);
  return { sent: DATAGRAMS, toA, toB };
}

/** The letter of /proc/PID/stat: R, S, T, ... */
function stateLetter(pid: number | undefined): string | undefined {
  return / ([A-Z]) \d+ /.exec(readFileSync(`/proc/${pid ?? 0}/stat`, 'utf8'))?.[1];
}

const experiments: Record<string, () => Promise<unknown>> = {
  drop: () => tryCut((network, a) => network.cuts.isolate([a])),
  reset: () => tryCut((network, a) => network.cuts.isolate([a], 'reset')),
  outgoing: () => countBothWays((network, a) => network.cuts.outgoing([a])),
  incoming: () => countBothWays((network, a) => network.cuts.incoming([a])),
  loss: () => countBothWays((network) => network.cuts.lossy(33.3)),
  bridge: () => tryCut((network, a, b, c) => network.cuts.between([a, c], [b, c])),
  link: () =>
    tryCut(async (network, a) => {
      await network.setLink(a, false);
      return { heal: () => network.setLink(a, true) };
    }),
  async address() {
    const { a, b } = await threeHosts();
    const talk = talker(a, 'talk', b.ip);
    await printed(talk, 'answered');
    const [first] = talk.logTail(100);
    await talk.killAndWait();
    return { connected: first === `connected from ${a.ip}`, differ: new Set([a.ip, b.ip]).size };
  },
  async identity() {
    const network = await HostNetwork.create({ dir: join(dir, 'network') });
    const host = await network.addHost('a', { resolvConf: (ip) => `nameserver ${ip}\nsearch example.test\n` });
    const shell = start(host, '/bin/sh', '-c', 'echo $$; pwd; env | sort; cat /etc/resolv.conf; exec sleep 60');
    await printed(shell, 'search example.test');
    const [pid, cwd, ...rest] = shell.logTail(100);
    shell.pause();
    const isStopped = await waitUntil(() => (stateLetter(shell.pid) === 'T' ? true : undefined), {
      what: 'the process to be stopped',
      timeoutMs: PATIENCE_MS,
    });
    await shell.killAndWait();
    const own = await host.run('cat /proc/self/net/dev');
    return {
      samePid: pid === String(shell.pid),
      cwd: cwd === dir,
      rest: rest.map((line) => line.replace(host.ip, 'OWN')),
      isStopped,
      devices: [...own.matchAll(/^\s*(\w+):/gm)].map(([, name]) => name).sort(),
    };
  },
  async sameAddress() {
    const { network, a, b } = await threeHosts();
    const { ip } = a;
    const taken = await network.addHost('d', { ip }).then(
      () => 'given twice',
      () => 'refused',
    );
    await network.removeHost(a);
    const again = await network.addHost('a', { ip });
    const listener = talker(again, 'listen');
    await printed(listener, 'listening');
    const talk = talker(b, 'talk', ip);
    await printed(talk, 'answered');
    return { taken, again: again.ip === ip };
  },
  /** make-slave and sentinel are stand-ins: what is tried is the set, its DNS, and a writer in a host of its own. */
  async cluster() {
    const network = await HostNetwork.create({ dir: join(dir, 'network') });
    const bundles = {
      makeSlave: join(here, '..', 'stand-ins', 'make-slave.mjs'),
      sentinel: join(here, '..', 'stand-ins', 'sentinel.mjs'),
    };
    const cluster = await Cluster.start({ pods: 2, network, bundles, dir: join(dir, 'cluster') });
    const [pod] = cluster.pods as readonly [Pod, Pod];
    const [line] = pod.sidecarLog();
    const { ip } = pod;
    const names = await cluster.dnsOf(cluster.pod(1)).resolver().resolve4('redis.default.svc.cluster.local');
    await pod.recreate();
    const moved = pod.ip !== ip;
    await pod.recreate({ sameIp: true });
    const roles = await cluster.redisRoles();
    await cluster.stop();
    const left = network.hosts.length;
    await network.stop();
    return {
      flags: (line?.['argv'] as string[]).filter((flag) => flag === '--dns-servers' || flag === '--listen'),
      names: names.length,
      moved,
      roles: roles.map(({ role }) => role?.role),
      left,
    };
  },
  async hang() {
    const { a } = await threeHosts();
    writeFileSync(join(dir, 'hang.pids'), JSON.stringify([process.pid, a.pid]));
    await sleep(60_000);
    return {};
  },
};

await mountScratch(join(dir, 'scratch'), 64);
const result = await experiments[experiment]?.();
writeFileSync(join(dir, `${experiment}.json`), JSON.stringify(result));
process.exit(0);
