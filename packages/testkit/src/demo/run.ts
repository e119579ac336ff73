import type { Cluster } from '../cluster.ts';
import { TestkitError, messageOf } from '../errors.ts';
import { checkHistory, type HistoryReport } from '../history.ts';
import type { Pod } from '../pod.ts';
import { nowMs, sleep } from '../time.ts';
import { Writer } from '../writer.ts';
import type { Display } from './display.ts';
import { FAULTS, type Fault } from './faults.ts';
import { TopologyWatch } from './topology.ts';

/** What came of one fault. */
export interface FaultResult {
  readonly name: string;
  /** From the fault until a write was acknowledged again. */
  readonly writableAfterMs: number;
  /** The longest time without an acknowledged write from the fault until the result was taken. */
  readonly longestGapMs: number;
  /** From the fault until there was one master with all others online behind it. */
  readonly healthyAfterMs: number;
  /** Writes since the fault that were answered with OK and confirmed by WAIT. */
  readonly acknowledgedWrites: number;
  /** Acknowledged writes, of this fault or earlier, that were found missing now. */
  readonly lostWrites: number;
  /** Answered with OK but not confirmed by WAIT: the writer does not count on them. */
  readonly unconfirmedWrites: number;
  readonly lostUnconfirmedWrites: number;
  /** The pod that is master now. */
  readonly master: string;
  readonly term: number;
  /** What is not as it must be; undefined when all is well. */
  readonly problem: string | undefined;
}

export interface DemoResult {
  readonly faults: readonly FaultResult[];
  readonly ok: boolean;
}

const START_TIMEOUT_MS = 60_000;
const RECOVERY_TIMEOUT_MS = 30_000;
const WAIT_TIMEOUT_MS = 1000;
/**
 * Between two faults. A sidecar that has just started does not vote for a lease's time (it cannot know what it
 * promised before), so a second fault in that time would be two at once.
 */
const SETTLE_MS = 3000;

/** Runs all faults against a cluster whose pods have not been started yet. Leaves it running. */
export async function runDemo(cluster: Cluster, display: Display): Promise<DemoResult> {
  display.line(`starting ${cluster.pods.length} pods`);
  let writer: Writer | undefined;
  const watch = new TopologyWatch(cluster, display, () => footer(writer));
  try {
    await cluster.startPods();
    const { master, tookMs } = await cluster.waitForHealthy({ timeoutMs: START_TIMEOUT_MS });
    display.line(`${master.name} is master and all others are online behind it (${seconds(tookMs)} after the start)`);
    writer = startWriter(cluster);
    await writer.waitForSuccess(RECOVERY_TIMEOUT_MS);
    display.line(
      `a writer is at work; it counts a write when WAIT has confirmed ${quorumReplicas(cluster)} of the replicas`,
    );
    return await runFaults(cluster, writer, display);
  } finally {
    await watch.stop();
    await writer?.stop();
  }
}

async function runFaults(cluster: Cluster, writer: Writer, display: Display): Promise<DemoResult> {
  const faults: FaultResult[] = [];
  const lostSoFar = new Set<string>();
  for (const fault of FAULTS) {
    await sleep(SETTLE_MS);
    try {
      const result = await runFault(fault, cluster, writer, lostSoFar, display);
      faults.push(result);
      display.line(describeResult(result));
    } catch (error) {
      // What follows would be measured on a broken set: stop here, and say what is there.
      display.line(`${fault.name}: ${messageOf(error)}`);
      return { faults, ok: false };
    }
  }
  return { faults, ok: faults.every(({ problem }) => problem === undefined) };
}

async function runFault(
  fault: Fault,
  cluster: Cluster,
  writer: Writer,
  lostSoFar: Set<string>,
  display: Display,
): Promise<FaultResult> {
  const { master } = await cluster.waitForHealthy({ timeoutMs: RECOVERY_TIMEOUT_MS });
  const replidBefore = (await master.role()).replid;
  display.line(`${fault.name}: ${fault.describe({ cluster, master })}`);
  const faultMs = nowMs();
  await fault.inflict({ cluster, master });
  await cluster.waitForHealthy({ timeoutMs: RECOVERY_TIMEOUT_MS });
  const healthyAfterMs = nowMs() - faultMs;
  await writer.waitForSuccess(RECOVERY_TIMEOUT_MS);
  await sleep(fault.observeMs);
  const after = await cluster.waitForHealthy({ timeoutMs: RECOVERY_TIMEOUT_MS });
  const endMs = nowMs();
  const { history } = writer;
  const writableAfterMs = history.writableAfterMs(faultMs, endMs);
  if (writableAfterMs === undefined) throw new TestkitError('TIMEOUT', 'no write succeeded after the fault');
  const report = await checkHistory(history, after.master.redisTarget);
  const lost = newlyLost(history.records, report, lostSoFar);
  const moved = after.master !== master || (await master.role()).replid !== replidBefore;
  return {
    name: fault.name,
    writableAfterMs,
    longestGapMs: history.longestGapMs(faultMs, endMs),
    healthyAfterMs,
    acknowledgedWrites: history.count('confirmed', faultMs, endMs),
    lostWrites: lost.confirmed,
    unconfirmedWrites: history.count('acknowledged', faultMs, endMs),
    lostUnconfirmedWrites: lost.unconfirmed,
    master: after.master.name,
    term: await cluster.newestTerm(),
    problem: problemOf(lost.confirmed, report.refusedButPresent, fault.sparesMaster && moved ? master : undefined),
  };
}

/** Counts what is missing now and was not counted before, and remembers it. */
function newlyLost(
  records: readonly { readonly key: string; readonly outcome: string }[],
  report: HistoryReport,
  lostSoFar: Set<string>,
): { confirmed: number; unconfirmed: number } {
  const fresh = records.filter(({ key }) => report.lostKeys.has(key) && !lostSoFar.has(key));
  for (const { key } of fresh) lostSoFar.add(key);
  const confirmed = fresh.filter(({ outcome }) => outcome === 'confirmed').length;
  return { confirmed, unconfirmed: fresh.length - confirmed };
}

function problemOf(lost: number, refusedButPresent: number, disturbedMaster: Pod | undefined): string | undefined {
  const problems = [];
  if (lost > 0) problems.push(`${lost} acknowledged writes are missing`);
  if (refusedButPresent > 0) problems.push(`${refusedButPresent} writes were refused and are there all the same`);
  if (disturbedMaster !== undefined) problems.push(`${disturbedMaster.name} did not stay master throughout`);
  return problems.length === 0 ? undefined : problems.join('; ');
}

function startWriter(cluster: Cluster): Writer {
  const { masterName, username, password } = cluster.settings;
  return Writer.start({
    sentinels: cluster.sentinels,
    masterName,
    username,
    password,
    wait: { replicas: quorumReplicas(cluster), timeoutMs: WAIT_TIMEOUT_MS },
  });
}

/** With the master they are a quorum: 1 of three pods. */
function quorumReplicas(cluster: Cluster): number {
  return Math.floor(cluster.settings.replicas / 2);
}

function describeResult(result: FaultResult): string {
  const verdict = result.problem === undefined ? 'ok' : `NOT AS IT MUST BE: ${result.problem}`;
  const writes = `${result.acknowledgedWrites} acknowledged writes, ${result.lostWrites} missing`;
  return (
    `${result.name}: writable after ${result.writableAfterMs.toFixed(1)} ms, ${writes}; ` +
    `master ${result.master}, term ${result.term}; all online after ${seconds(result.healthyAfterMs)}: ${verdict}`
  );
}

function footer(writer: Writer | undefined): string {
  if (writer === undefined) return '';
  const { history } = writer;
  const last = history.records.at(-1);
  const confirmed = history.total('confirmed');
  const state =
    last === undefined || last.acknowledgedAtMs === undefined ? `waiting (${last?.reason ?? ''})` : 'writing';
  return `writer    ${state}, ${confirmed} writes acknowledged`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
