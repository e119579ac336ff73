import { mkdirSync } from 'node:fs';
import {
  Cluster,
  History,
  RemoteWriters,
  TestkitError,
  checkHistory,
  messageOf,
  nowMs,
  sleep,
  type Bundles,
  type Pod,
} from '@sentinel-micro/testkit';
import { programOf, type ClientKind } from './catalogue.ts';
import type { Fault } from './fault.ts';
import { violationsOf } from './judge.ts';
import type { ClientOrders, Found } from './program/orders.ts';
import { emptyResult, type RunResult, type Seen } from './result.ts';
import { connectedTo } from './sidecar-connections.ts';

export interface RunOrder {
  /** All of them at once, on one set. */
  readonly clients: readonly ClientKind[];
  readonly fault: Fault;
  /** For configuration, data and logs; made when missing. */
  readonly dir: string;
  readonly bundles?: Bundles | undefined;
}

const INTERVAL_MS = 2;
const PAUSE_AFTER_ERROR_MS = 20;
const PATIENCE_MS = 10_000;
const WAIT_TIMEOUT_MS = 1000;
const START_TIMEOUT_MS = 20_000;
/** Before the fault. */
const CALM_MS = 700;
/** After the last step: whoever is late with noticing something does so in this time. */
const SETTLE_MS = 1500;
const GO_ON_TIMEOUT_MS = 5000;
const ERROR_KINDS = 4;

/** A client at work. */
interface Runner {
  readonly kind: ClientKind;
  readonly writers: RemoteWriters;
}

/** Makes a set of three, lets the clients write, does the fault, and reads everything back. One result for each client. */
export async function runOnce(order: RunOrder): Promise<RunResult[]> {
  const { clients, fault, dir } = order;
  const startMs = nowMs();
  const programs = clients.map((kind) => ({ kind, program: programOf(kind) }));
  const missing = programs.flatMap(({ kind, program }) =>
    typeof program === 'string' ? [emptyResult(kind.name, fault.name, 'skipped', program)] : [],
  );
  const present = clients.filter(({ name }) => missing.every(({ client }) => client !== name));
  if (present.length === 0) return missing;
  mkdirSync(dir, { recursive: true });
  let cluster: Cluster | undefined;
  try {
    const { password } = fault;
    const { bundles } = order;
    cluster = await Cluster.start({
      dir,
      ...(password === undefined ? {} : { password }),
      ...(bundles === undefined ? {} : { bundles }),
    });
    const results = await runOn(cluster, present, order);
    return [...missing, ...results.map((result) => ({ ...result, tookMs: Math.round(nowMs() - startMs) }))];
  } catch (error) {
    return [...missing, ...present.map(({ name }) => emptyResult(name, fault.name, 'failed', messageOf(error)))];
  } finally {
    await cluster?.stop();
  }
}

async function runOn(cluster: Cluster, clients: readonly ClientKind[], { fault, dir }: RunOrder): Promise<RunResult[]> {
  const { master } = await cluster.waitForHealthy();
  const runners = clients.map((kind) => startClient(kind, cluster, master, dir));
  try {
    await Promise.all(runners.map(({ kind, writers }) => allWrite(kind, writers, START_TIMEOUT_MS)));
    await sleep(CALM_MS);
    const connected = runners.map(({ writers }) => sidecarsOf(cluster, master, writers));
    let faultMs: number | undefined;
    await fault.run({
      ...{ cluster, master, itsSidecar: connected[0]?.[0] ?? inOrder(cluster, master)[0] ?? master },
      begin: async (does) => {
        faultMs ??= nowMs();
        await does();
      },
    });
    await cluster.waitForHealthy();
    await sleep(SETTLE_MS);
    const goOn = await Promise.all(runners.map(({ kind, writers }) => goesOn(kind, writers)));
    const endMs = nowMs();
    const whole = await cluster.waitForHealthy();
    const results: RunResult[] = [];
    for (const [index, runner] of runners.entries()) {
      const found = foundBy(runner.writers);
      const histories = await stopped(runner.writers);
      const seen = async (name: string): Promise<Seen> =>
        whatWasSeen(histories.get(`${runner.kind.name}-${name}`), faultMs ?? endMs, endMs, whole.master);
      const evidence = {
        isAllFound: isEverybody(found, cluster, master),
        ...{ plain: await seen('plain'), wait: await seen('wait'), goesOn: goOn[index] ?? false },
      };
      const violations = violationsOf(evidence, fault);
      const verdict = !runner.kind.isJudged ? 'measured' : violations.length > 0 ? 'violated' : 'passed';
      results.push({
        ...{ client: runner.kind.name, library: found?.library ?? '', fault: fault.name, ...evidence },
        ...{ sidecarConnections: connected[index]?.length ?? 0, errors: errorsIn(histories, faultMs ?? endMs) },
        ...{ verdict, reason: violations.join('; '), tookMs: 0 },
      });
    }
    return results;
  } finally {
    await Promise.allSettled(runners.map(({ writers }) => writers.stop()));
  }
}

function startClient(kind: ClientKind, cluster: Cluster, master: Pod, dir: string): Runner {
  const { settings } = cluster;
  const program = programOf(kind);
  if (typeof program === 'string') throw new TestkitError('TOOLS_MISSING', program);
  const orders: Omit<ClientOrders, 'keyPrefix' | 'wait'> = {
    client: kind.name,
    sentinels: inOrder(cluster, master).map((pod) => ({ host: pod.ip, port: settings.sentinelPort })),
    ...{ masterName: settings.masterName, password: settings.password, redisCli: settings.tools.redisCli },
    ...{ intervalMs: INTERVAL_MS, pauseAfterErrorMs: PAUSE_AFTER_ERROR_MS, patienceMs: PATIENCE_MS },
  };
  const [plain, wait] = [`${kind.name}-plain`, `${kind.name}-wait`];
  const writers: Record<string, ClientOrders> = {
    [plain]: { ...orders, keyPrefix: plain },
    [wait]: { ...orders, keyPrefix: wait, wait: { replicas: 1, timeoutMs: WAIT_TIMEOUT_MS } },
  };
  return { kind, writers: RemoteWriters.start({ name: kind.name, dir, orders: writers, program }) };
}

/** Waits until both writers of a client have written something, from now on. @throws TestkitError TIMEOUT */
async function allWrite({ name }: ClientKind, writers: RemoteWriters, timeoutMs: number): Promise<void> {
  try {
    await Promise.all(['plain', 'wait'].map((kind) => writers.waitForSuccess(`${name}-${kind}`, timeoutMs)));
  } catch (error) {
    const printed = writers.notes().slice(-5).join('\n');
    throw new TestkitError('TIMEOUT', `${messageOf(error)}\n${printed}`, { cause: error });
  }
}

async function goesOn(kind: ClientKind, writers: RemoteWriters): Promise<boolean> {
  try {
    await allWrite(kind, writers, GO_ON_TIMEOUT_MS);
    return true;
  } catch {
    return false;
  }
}

/** The pods to whose sidecars a client has a connection, in the order in which it was told of them. */
function sidecarsOf(cluster: Cluster, master: Pod, { pid }: RemoteWriters): Pod[] {
  const addresses = pid === undefined ? [] : connectedTo(pid);
  return inOrder(cluster, master).filter((pod) => addresses.includes(`${pod.ip}:${cluster.settings.sentinelPort}`));
}

/** The pods as a client is told of their sidecars. The master's comes last: any other one takes nothing but a vote when it goes. */
function inOrder(cluster: Cluster, master: Pod): Pod[] {
  return [...cluster.podsExcept(master), master];
}

function foundBy(writers: RemoteWriters): Found | undefined {
  for (const line of writers.notes()) {
    if (line.startsWith('{"found":')) return (JSON.parse(line) as { readonly found: Found }).found;
  }
  return undefined;
}

function isEverybody(found: Found | undefined, cluster: Cluster, master: Pod): boolean {
  const addressOf = (pod: Pod): string => `${pod.ip}:${cluster.settings.redisPort}`;
  const replicas = cluster.podsExcept(master).map(addressOf);
  return found?.master === addressOf(master) && [...found.replicas].sort().join() === replicas.sort().join();
}

/** The histories, also those of a client that ended by itself. */
async function stopped(writers: RemoteWriters): Promise<ReadonlyMap<string, History>> {
  try {
    return await writers.stop();
  } catch {
    // That it ended too early shows in that it does not go on.
    return writers.histories();
  }
}

async function whatWasSeen(history: History | undefined, fromMs: number, toMs: number, master: Pod): Promise<Seen> {
  const its = history ?? new History();
  const { acknowledged, lostAcknowledged, confirmed, lostConfirmed } = await checkHistory(its, master.redisTarget);
  const ended = its.records.filter(({ endedAtMs }) => endedAtMs >= fromMs && endedAtMs <= toMs);
  return {
    errors: ended.filter(({ acknowledgedAtMs }) => acknowledgedAtMs === undefined).length,
    gapMs: Math.round(its.longestGapMs(fromMs, toMs)),
    ...{ acknowledged, lost: lostAcknowledged, confirmed, confirmedLost: lostConfirmed },
  };
}

function errorsIn(histories: ReadonlyMap<string, History>, fromMs: number): string[] {
  const counts = new Map<string, number>();
  for (const { records } of histories.values()) {
    for (const { endedAtMs, acknowledgedAtMs, reason = '' } of records) {
      if (endedAtMs < fromMs || acknowledgedAtMs !== undefined) continue;
      // The same with another address or number.
      const kind = reason.replaceAll(/\d+(\.\d+)*/g, 'N').slice(0, 160);
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
    }
  }
  return [...counts].slice(0, ERROR_KINDS).map(([kind, count]) => `${count} x ${kind}`);
}
