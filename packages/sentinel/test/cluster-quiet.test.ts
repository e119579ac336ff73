// L2: a healthy set is left alone.
import { expect, test } from '@jest/globals';
import {
  MonitorRecorder,
  commandsBetween,
  keysOf,
  nowMs,
  readCommandCounts,
  restartSidecar,
  sleep,
  type Cluster,
} from '@sentinel-micro/testkit';
import {
  GRANT_MS,
  PATIENCE_MS,
  changesSince,
  countCommands,
  logLengths,
  readBack,
  settled,
  shareSet,
  startWriter,
  untilTrue,
} from './cluster-helpers.ts';

const MINUTE_MS = 60_000;
/** What keeps a set going: questions, replication's own heartbeat, and the writes of the application with their WAIT. */
const HARMLESS = ['info', 'ping', 'replconf', 'set', 'command', 'client|id', 'role'];

let cluster: Cluster;
shareSet({}, (started) => (cluster = started));

// Fails when the write quorum is set again and again.
test('for a minute nobody is told to change anything, no term is begun and no line is logged', async () => {
  const { master, replicas, term } = await settled(cluster);
  const writer = startWriter(cluster, { intervalMs: 50 });
  await writer.waitForSuccess(PATIENCE_MS);
  // What the writer's connection takes to set up is not of interest, nor that a new replica's stream begins with a SELECT.
  await untilTrue('the writes to reach all pods', async () => {
    const counts = await Promise.all(cluster.pods.map(keysOf));
    return counts.every((count) => count > 0);
  });
  const monitors = await Promise.all(cluster.pods.map((pod) => MonitorRecorder.start(pod.redisTarget)));
  const before = await countCommands(cluster);
  const lines = logLengths(cluster);
  const startMs = nowMs();
  await sleep(MINUTE_MS);
  const stopMs = nowMs();
  const changes = await changesSince(before);
  for (const monitor of monitors) monitor.stop();
  expect(changes).toEqual([]);
  for (const [pod, counts] of before) {
    const commands = commandsBetween(counts, await readCommandCounts(pod));
    expect([...commands.keys()].filter((command) => !HARMLESS.includes(command))).toEqual([]);
  }
  for (const monitor of monitors) {
    const names = new Set(monitor.commands().map((command) => command.split(' ')[0]!.toLowerCase()));
    expect([...names].filter((name) => !HARMLESS.includes(name))).toEqual([]);
  }
  expect(logLengths(cluster)).toEqual(lines);
  const after = await settled(cluster);
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
  expect(replicas).toHaveLength(2);
  expect(writer.history.count('refused', startMs, stopMs) + writer.history.count('unknown', startMs, stopMs)).toBe(0);
  expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0 });
}, 120_000);

test('the sidecar of a replica is killed and comes back: no Redis is told anything, and no term is begun', async () => {
  const { master, replicas, term } = await settled(cluster);
  const before = await countCommands(cluster);
  await restartSidecar(replicas[0]!, 500);
  // It does not vote at first; by the end of that it has settled in.
  await sleep(GRANT_MS);
  const after = await settled(cluster);
  expect(await changesSince(before)).toEqual([]);
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
}, 60_000);

test('the sidecar of a replica stays away for longer than a lease: nothing happens either', async () => {
  const { master, replicas, term } = await settled(cluster);
  const before = await countCommands(cluster);
  await restartSidecar(replicas[1]!, 2 * GRANT_MS);
  await sleep(GRANT_MS);
  const after = await settled(cluster);
  expect(await changesSince(before)).toEqual([]);
  expect({ master: after.master.name, term: after.term }).toEqual({ master: master.name, term });
}, 60_000);

// Fails when a holder that regains its lease is promoted anew.
test('the sidecar of the master is killed and comes back within the lease: it is the same master in the same history', async () => {
  const { master } = await settled(cluster);
  const { replid } = await master.role();
  const before = await countCommands(cluster);
  const writer = startWriter(cluster);
  await writer.waitForSuccess(PATIENCE_MS);
  const killedMs = nowMs();
  await restartSidecar(master);
  await sleep(GRANT_MS);
  const after = await settled(cluster);
  await writer.waitForSuccess(PATIENCE_MS);
  const settledMs = nowMs();
  expect(await changesSince(before)).toEqual([]);
  expect(after.master.name).toBe(master.name);
  expect((await master.role()).replid).toBe(replid);
  expect(writer.history.count('refused', killedMs, settledMs)).toBe(0);
  expect(await readBack(cluster, writer)).toMatchObject({ lostAcknowledged: 0 });
}, 60_000);
