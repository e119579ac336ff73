import { mkdirSync, rmSync } from 'node:fs';
import {
  Cluster,
  Writer,
  changingCommandsBetween,
  checkHistory,
  readCommandCounts,
  sleep,
  waitUntil,
  type ClusterOptions,
  type CommandCounts,
  type HistoryReport,
  type PeerStatus,
  type Pod,
  type WriterOptions,
} from '@sentinel-micro/testkit';

/** The protocol's own times with the default flags, in milliseconds. */
export const LEASE_MS = 2000;
export const GRANT_MS = 2250;
export const FENCE_MS = 100;
export const DATA_WAIT_MS = 3000;
/** What a busy machine may add to them: a test must fail for what the code does, not for when it gets to do it. */
export const SLACK_MS = 3000;
/** For conditions that must come true some time. */
export const PATIENCE_MS = 30_000;

/** Whatever runs beside the tests: a story that fails half-way must not leave it running. */
const running: { stop: () => Promise<unknown> }[] = [];

export function tracked<T extends { stop: () => Promise<unknown> }>(thing: T): T {
  running.push(thing);
  return thing;
}

/** For afterAll: ends the writers, probers and counters of the stories, then the clusters. */
export async function stopAll(...clusters: readonly (Cluster | undefined)[]): Promise<void> {
  await Promise.allSettled(running.splice(0).map((thing) => thing.stop()));
  for (const cluster of clusters) await cluster?.stop();
}

/** Starts a set and waits until it is settled. */
export async function startSet(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  try {
    await settled(cluster);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** For beforeEach: sets right what a story that failed has left behind, so that the next one can be told all the same. */
export async function mend(cluster: Cluster): Promise<void> {
  for (const pod of cluster.pods) {
    pod.resumeRedis();
    pod.resumeSidecar();
    if (!pod.exists) await pod.start();
    if (!pod.isRedisAlive()) await pod.startRedis();
    if (!pod.isSidecarAlive()) await pod.startSidecar();
  }
}

/**
 * What is waited for at the start of each story: one master with everybody behind it, and every sidecar votes, names that
 * master with its present history, and has seen its own Redis in step; nothing is left to be done.
 */
export async function settled(cluster: Cluster): Promise<{ master: Pod; replicas: Pod[]; term: number }> {
  const { master } = await cluster.waitForHealthy({ timeoutMs: PATIENCE_MS });
  const { replid } = await master.role();
  const term = await until(`all sidecars to agree on ${master.name}`, async () => {
    const statuses = (await cluster.status()).map(({ status }) => status);
    const terms = new Set(statuses.map((status) => status?.term));
    const areOfOneMind = statuses.every((status) => status !== undefined && isSettled(status, master, replid));
    // Lowered for the first moments after a promotion; raised again as the replicas come in.
    const [, writeQuorum] = (await master.command('CONFIG', 'GET', 'min-replicas-to-write')) as [string, string];
    const isRaised = Number(writeQuorum) === Math.floor(cluster.settings.replicas / 2);
    const [term] = terms;
    return terms.size === 1 && areOfOneMind && isRaised ? term : undefined;
  });
  return { master, replicas: cluster.podsExcept(master), term };
}

function isSettled({ master: named, raw }: PeerStatus, master: Pod, replid: string): boolean {
  const {
    mutedForMs,
    masterIsFresh,
    master: announcement,
    redis,
  } = raw as {
    mutedForMs: number;
    masterIsFresh: boolean;
    master: { history: { replid: string } } | null;
    redis: { position: { synced: boolean; intact: boolean; replid: string } | null };
  };
  const votes = mutedForMs === 0 && masterIsFresh && named?.pod === master.name;
  const { position } = redis;
  const inStep = position?.synced === true && position.intact && position.replid === replid;
  return votes && announcement?.history.replid === replid && inStep;
}

function until<T>(what: string, probe: () => Promise<T | undefined> | T | undefined): Promise<T> {
  return waitUntil(probe, { what, timeoutMs: PATIENCE_MS });
}

/** Waits for something to be so. */
export async function untilTrue(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  await until(what, async () => ((await condition()) ? true : undefined));
}

/** Writes `count` keys to a master and waits until every replica has them. */
export async function fill(cluster: Cluster, master: Pod, count: number, prefix = 'key'): Promise<void> {
  const pairs = Array.from({ length: count }, (_, n) => [`${prefix}:${n}`, `value of ${prefix}:${n}`]).flat();
  await master.command('MSET', ...pairs);
  const { offset } = await master.role();
  await untilTrue('all replicas to have the keys', async () => {
    const roles = await cluster.redisRoles(cluster.podsExcept(master).filter((pod) => pod.exists));
    return roles.every(({ role }) => role !== undefined && role.offset >= offset);
  });
}

export async function keysOf(pod: Pod): Promise<number> {
  return Number(await pod.command('DBSIZE'));
}

/** A number of INFO, such as sync_full of the section stats. */
export async function infoNumber(pod: Pod, section: string, key: string): Promise<number> {
  const info = await pod.text('INFO', section);
  return Number(new RegExp(`^${key}:(\\d+)\\r?$`, 'm').exec(info)?.[1]);
}

/** A writer like an application's, on a set with or without a password. */
export function startWriter(cluster: Cluster, options: Partial<WriterOptions> = {}): Writer {
  const { masterName, username, password } = cluster.settings;
  return tracked(Writer.start({ sentinels: cluster.sentinels, masterName, username, password, ...options }));
}

/** WAIT as it has to be on a set of three: with the master the replica is a quorum. */
export const WAIT_FOR_QUORUM = { replicas: 1, timeoutMs: 1000 } as const;

/** Stops the writer and reads back from the present master all that it was told. */
export async function readBack(cluster: Cluster, writer: Writer): Promise<HistoryReport> {
  const history = await writer.stop();
  const { master } = await settled(cluster);
  return checkHistory(history, master.redisTarget);
}

/** Counts the commands of every Redis; what was sent since that changes anything is told by `changesSince`. */
export async function countCommands(cluster: Cluster): Promise<Map<Pod, CommandCounts>> {
  const counts = await Promise.all(cluster.pods.map(async (pod) => [pod, await readCommandCounts(pod)] as const));
  return new Map(counts);
}

export async function changesSince(before: ReadonlyMap<Pod, CommandCounts>): Promise<string[]> {
  const changes = [...before].map(async ([pod, counts]) => {
    const commands = changingCommandsBetween(counts, await readCommandCounts(pod));
    return commands.map((command) => `${pod.name}: ${command}`);
  });
  return (await Promise.all(changes)).flat();
}

/** How many lines each sidecar has logged so far. */
export function logLengths(cluster: Cluster): number[] {
  return cluster.pods.map((pod) => pod.sidecarLog(100_000).length);
}

/** Log lines of one event since the file began. */
export function logged(pod: Pod, event: string): Record<string, unknown>[] {
  return pod.sidecarLog(100_000).filter((line) => line['event'] === event);
}

/** Counts the keys of these pods all the time; `lowest` is the smallest number that any of them has told. */
export class KeyCounter {
  #lowest = Infinity;
  #counts = 0;
  #stopped = false;
  readonly #finished: Promise<unknown>;

  constructor(pods: readonly Pod[]) {
    this.#finished = Promise.all(pods.map((pod) => this.#count(pod)));
    tracked(this);
  }

  async stop(): Promise<{ lowest: number; counts: number }> {
    this.#stopped = true;
    await this.#finished;
    return { lowest: this.#lowest, counts: this.#counts };
  }

  async #count(pod: Pod): Promise<void> {
    while (!this.#stopped) {
      // While it takes in a full sync it answers with -LOADING: that would be the wipe.
      this.#lowest = Math.min(this.#lowest, await keysOf(pod).catch(() => 0));
      this.#counts++;
      await sleep(3);
    }
  }
}

/** kill -9, and back at once as the kubelet would start it: same configuration, no make-slave, and nothing on disk. */
export async function restartEmpty(pod: Pod): Promise<void> {
  pod.killRedis();
  await ended(`the Redis of ${pod.name}`, () => pod.isRedisAlive());
  // A replica keeps the file of its last full sync, also when it is told to save nothing.
  rmSync(pod.files.dataDir, { recursive: true, force: true });
  mkdirSync(pod.files.dataDir);
  await pod.startRedis();
}

/** kill -9 of the sidecar, and back at once, or after a while. */
export async function restartSidecar(pod: Pod, afterMs = 0): Promise<void> {
  pod.killSidecar();
  await ended(`the sidecar of ${pod.name}`, () => pod.isSidecarAlive());
  await sleep(afterMs);
  await pod.startSidecar();
}

async function ended(what: string, isAlive: () => boolean): Promise<void> {
  const options = { what: `the end of ${what}`, timeoutMs: PATIENCE_MS, intervalMs: 1 };
  await waitUntil(() => (isAlive() ? undefined : true), options);
}
