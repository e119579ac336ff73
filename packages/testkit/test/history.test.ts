import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import {
  History,
  RedisProcess,
  Writer,
  checkHistory,
  liveProcesses,
  loadTools,
  nowMs,
  parseRole,
  sleep,
  waitUntil,
  type WriteOutcome,
} from '../src/index.ts';
import { makePlace, type Place } from './helpers.ts';

const tool = loadTools().redisServer;
let place: Place;
let master: RedisProcess;
let sentinel: RedisProcess;
const writers: Writer[] = [];
const replicas: RedisProcess[] = [];

beforeEach(async () => {
  place = await makePlace();
  const host = await place.addresses.take([6379, 26379]);
  master = await RedisProcess.start({ tool, host, port: 6379, dir: join(place.dir, 'master') });
  // Redis's own Sentinel, so that the writer is shown to work with the real thing. It will not fail over: it is alone
  // and wants two votes.
  const dir = join(place.dir, 'sentinel');
  const configFile = join(dir, 'sentinel.conf');
  mkdirSync(dir);
  writeFileSync(configFile, `bind ${host}\nport 26379\nprotected-mode no\nsentinel monitor mymaster ${host} 6379 2\n`);
  sentinel = await RedisProcess.start({ tool, host, port: 26379, dir, configFile, args: ['--sentinel'] });
});

afterEach(async () => {
  await Promise.all(writers.splice(0).map((writer) => writer.stop()));
  await Promise.all([master, sentinel, ...replicas.splice(0)].map((redis) => redis.killAndWait()));
  await place.remove();
});

afterAll(() => {
  expect(liveProcesses()).toEqual([]);
});

function startWriter(wait?: { replicas: number; timeoutMs: number }): Writer {
  const { host } = master.target;
  const writer = Writer.start({
    sentinels: [{ host, port: 26379 }],
    masterName: 'mymaster',
    commandTimeoutMs: 300,
    ...(wait === undefined ? {} : { wait }),
  });
  writers.push(writer);
  return writer;
}

/** Lets the writer work until so many writes ended so: a number and not a time, as the machine may be busy. */
async function writeUntil(writer: Writer, outcome: WriteOutcome, count: number): Promise<History> {
  await waitUntil(() => (writer.history.total(outcome) >= count ? true : undefined), {
    what: `${String(count)} writes that are ${outcome}`,
    timeoutMs: 20_000,
  });
  return writer.stop();
}

describe('a writer and its history', () => {
  test('what was acknowledged is found again', async () => {
    const history = await writeUntil(startWriter(), 'acknowledged', 50);
    const report = await checkHistory(history, master.target);
    expect(report.acknowledged).toBeGreaterThanOrEqual(50);
    expect(report.acknowledged).toBe(await master.command('DBSIZE'));
    expect(report).toMatchObject({
      confirmed: 0,
      unknown: 0,
      lostAcknowledged: 0,
      refusedButPresent: 0,
      firstLost: [],
    });
  });

  test('a write that is gone, or was changed, is reported with its key', async () => {
    const history = await writeUntil(startWriter(), 'acknowledged', 10);
    const written = history.records.filter((record) => record.acknowledgedAtMs !== undefined);
    await master.command('DEL', written[3]!.key);
    await master.command('SET', written[5]!.key, 'something else');
    const report = await checkHistory(history, master.target);
    expect(report.lostAcknowledged).toBe(2);
    expect(report.lostConfirmed).toBe(0);
    expect([...report.lostKeys]).toEqual([written[3]!.key, written[5]!.key]);
    await master.command('FLUSHALL');
    expect((await checkHistory(history, master.target)).lostAcknowledged).toBe(written.length);
  });

  test('WAIT confirms nothing without a replica', async () => {
    const history = await writeUntil(startWriter({ replicas: 1, timeoutMs: 20 }), 'acknowledged', 3);
    expect(history.total('confirmed')).toBe(0);
    expect([...history.reasons().keys()]).toContain('WAIT reported 0 replicas');
  });

  test('WAIT confirms what a replica has, and the replica has it', async () => {
    const host = await place.addresses.take([6379]);
    const replica = await RedisProcess.start({ tool, host, port: 6379, dir: join(place.dir, 'replica') });
    replicas.push(replica);
    await replica.command('REPLICAOF', master.target.host, 6379);
    const isUp = async (): Promise<true | undefined> =>
      parseRole(await replica.text('INFO', 'replication')).linkUp === true ? true : undefined;
    await waitUntil(isUp, { what: 'the link', timeoutMs: 10_000 });
    const history = await writeUntil(startWriter({ replicas: 1, timeoutMs: 1000 }), 'confirmed', 50);
    const report = await checkHistory(history, replica.target);
    expect(report.confirmed).toBeGreaterThanOrEqual(50);
    expect(report.lostConfirmed).toBe(0);
  });

  test('a master that comes back empty: the gap is measured, the loss is counted', async () => {
    const writer = startWriter({ replicas: 0, timeoutMs: 1 });
    await writer.waitForSuccess(5000);
    await sleep(100);
    const faultMs = nowMs();
    const { host } = master.target;
    await master.killAndWait();
    await sleep(150);
    master = await RedisProcess.start({ tool, host, port: 6379, dir: join(place.dir, 'master-again') });
    await writer.waitForSuccess(5000);
    const endMs = nowMs();
    const history = await writer.stop();
    const downMs = history.writableAfterMs(faultMs, endMs)!;
    expect(downMs).toBeGreaterThan(150);
    expect(downMs).toBeLessThan(5000);
    expect(history.longestGapMs(faultMs, endMs)).toBeGreaterThan(140);
    const report = await checkHistory(history, master.target);
    const before = history.records.filter(({ acknowledgedAtMs }) => (acknowledgedAtMs ?? Infinity) < faultMs).length;
    // The write that was under way may have been answered by the old master just after the clock was read.
    expect(report.lostConfirmed).toBeGreaterThanOrEqual(before);
    expect(report.lostConfirmed).toBeLessThanOrEqual(before + 1);
  });

  test('a frozen master leaves a write unknown, and the writer is back soon after it thaws', async () => {
    const writer = startWriter();
    await writer.waitForSuccess(5000);
    master.pause();
    await waitUntil(() => (writer.history.total('unknown') > 0 ? true : undefined), {
      what: 'a write to be given up',
      timeoutMs: 3000,
    });
    const resumedMs = nowMs();
    master.resume();
    await writer.waitForSuccess(5000);
    // Not the 2 s for which ioredis by default waits for a frozen server to close its side.
    expect(writer.history.firstSuccessAfter(resumedMs)! - resumedMs).toBeLessThan(1500);
  });

  test('a replica refuses, and nothing of that is counted as written', async () => {
    const writer = startWriter();
    await writer.waitForSuccess(5000);
    await master.command('REPLICAOF', '127.0.0.1', 1);
    await waitUntil(() => (writer.history.total('refused') > 3 ? true : undefined), {
      what: 'refused writes',
      timeoutMs: 3000,
    });
    await master.command('REPLICAOF', 'NO', 'ONE');
    await writer.waitForSuccess(5000);
    const report = await checkHistory(await writer.stop(), master.target);
    expect(report).toMatchObject({ lostAcknowledged: 0, refusedButPresent: 0 });
  });
});

describe('figures of a history', () => {
  /** Writes of 1 ms each, started at the given times. */
  function historyOf(...writes: (readonly [startedAtMs: number, outcome: WriteOutcome])[]): History {
    const history = new History();
    for (const [startedAtMs, outcome] of writes) {
      const endedAtMs = startedAtMs + 1;
      const isAcknowledged = outcome === 'acknowledged' || outcome === 'confirmed';
      const acknowledgedAtMs = isAcknowledged ? endedAtMs : undefined;
      const names = { key: `w:${String(startedAtMs)}`, value: 'v', reason: undefined };
      history.add({ ...names, startedAtMs, acknowledgedAtMs, endedAtMs, outcome });
    }
    return history;
  }

  test('a success between the fault and its effect does not count as writable again', () => {
    const history = historyOf([0, 'confirmed'], [10, 'confirmed'], [12, 'unknown'], [20, 'refused'], [50, 'confirmed']);
    expect(history.firstSuccessAfter(9)).toBe(11);
    expect(history.writableAfterMs(9)).toBe(51 - 9);
  });

  test('a write under way when the fault strikes counts as its effect', () => {
    const history = historyOf([0, 'confirmed'], [9, 'unknown'], [30, 'acknowledged']);
    expect(history.writableAfterMs(9.5)).toBe(31 - 9.5);
  });

  test('without any failure it is the time to the next write, and without success unknown', () => {
    const history = historyOf([0, 'confirmed'], [10, 'confirmed']);
    expect(history.writableAfterMs(5)).toBe(11 - 5);
    expect(history.writableAfterMs(20)).toBeUndefined();
  });

  test('the longest gap includes the edges', () => {
    const history = historyOf([0, 'confirmed'], [10, 'refused'], [40, 'confirmed'], [50, 'confirmed']);
    expect(history.longestGapMs(0, 60)).toBe(40);
    expect(history.longestGapMs(41, 200)).toBe(149);
    expect(history.longestGapMs(100, 130)).toBe(30);
  });
});
