import { afterAll, beforeAll, beforeEach } from '@jest/globals';
import {
  Cluster,
  KeyWatch,
  Writer,
  changingCommandsBetween,
  checkHistory,
  parseInfo,
  readCommandCounts,
  waitForReplicas,
  waitForSettled,
  waitUntilTrue,
  writeKeys,
  type ClusterOptions,
  type CommandCounts,
  type HistoryReport,
  type Pod,
  type SettledSet,
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
export function mend(cluster: Cluster): Promise<void> {
  return cluster.revivePods();
}

export interface SharedSetOptions extends ClusterOptions {
  /** So many keys, `key:0` and so on, are on all pods before the first story. Default none. */
  readonly keys?: number;
}

/** One set for all stories of a file: started before the first, mended before each, stopped after the last. */
export function shareSet(options: SharedSetOptions, use: (cluster: Cluster) => void): void {
  let cluster: Cluster | undefined;

  beforeAll(async () => {
    const { keys = 0, ...clusterOptions } = options;
    cluster = await startSet(clusterOptions);
    if (keys > 0) await fill(cluster, (await settled(cluster)).master, keys);
    use(cluster);
  }, 60_000);

  beforeEach(() => cluster && mend(cluster));
  afterAll(() => stopAll(cluster));
}

/** What is waited for at the start of each story: nothing is left to be done. */
export function settled(cluster: Cluster): Promise<SettledSet> {
  return waitForSettled(cluster, PATIENCE_MS);
}

/** Waits for something to be so. */
export function untilTrue(what: string, condition: () => Promise<boolean> | boolean): Promise<void> {
  return waitUntilTrue(condition, { what, timeoutMs: PATIENCE_MS });
}

/** Writes `count` keys to a master and waits until every replica has them. */
export async function fill(cluster: Cluster, master: Pod, count: number): Promise<void> {
  await writeKeys(master, 'key', count, (n) => `value of key:${n}`);
  await waitForReplicas(cluster, master, PATIENCE_MS);
}

/** Counts the keys of these pods until the story has ended; one that does not tell them is being wiped. */
export function watchKeys(pods: readonly Pod[]): KeyWatch {
  return tracked(new KeyWatch(pods, 0));
}

/** A number of INFO, such as sync_full of the section stats. */
export async function infoNumber(pod: Pod, section: string, key: string): Promise<number> {
  return Number(parseInfo(await pod.text('INFO', section)).get(key));
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
