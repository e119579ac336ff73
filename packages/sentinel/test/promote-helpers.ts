import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect } from '@jest/globals';
import {
  changingCommandsBetween,
  claimAddressBlock,
  liveProcesses,
  loadTools,
  MonitorRecorder,
  parseRole,
  readCommandCounts,
  RedisProcess,
  waitUntil,
  type AddressBlock,
  type RedisProcessOptions,
  type RedisRole,
} from '@sentinel-micro/testkit';
import { runPromote } from '../src/promote/command.ts';

/** The flags as yargs hands them over when only the endpoints were typed. */
const DEFAULT_FLAGS = { 'probe-timeout-ms': 1000, 'verify-timeout-ms': 10_000, output: 'text' };

export interface PromoteRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `sentinel promote ENDPOINT...`, without a process of its own. */
export async function promote(
  endpoints: readonly string[],
  flags: Readonly<Record<string, unknown>> = {},
): Promise<PromoteRun> {
  const stdout: string[] = [];
  const stderr: string[] = [];
  const out = { stdout: (text: string) => stdout.push(text), stderr: (text: string) => stderr.push(text) };
  const exitCode = await runPromote({ ...DEFAULT_FLAGS, ...flags }, endpoints, out);
  return { exitCode, stdout: stdout.join('\n'), stderr: stderr.join('\n') };
}

interface InstanceReport {
  readonly endpoint: string;
  readonly reachable: boolean;
  readonly role?: string;
  readonly [field: string]: unknown;
}

export interface JsonReport {
  readonly ok: boolean;
  readonly dryRun: boolean;
  readonly instances: readonly InstanceReport[];
  readonly plan: {
    readonly kind: string;
    readonly master: string | null;
    readonly reason: string;
    readonly candidates: readonly { endpoint: string; chosen: boolean; reason: string }[];
    readonly orders: readonly { endpoint: string; kind: string }[];
    readonly warnings: readonly string[];
  };
  readonly results: readonly { endpoint: string; step: string; ok: boolean; detail: string }[];
  readonly after: readonly InstanceReport[] | null;
}

/** The same with `--output json`, read. */
export async function promoteJson(
  endpoints: readonly string[],
  flags: Readonly<Record<string, unknown>> = {},
): Promise<{ exitCode: number; report: JsonReport; stderr: string }> {
  const { exitCode, stdout, stderr } = await promote(endpoints, { ...flags, output: 'json' });
  return { exitCode, report: JSON.parse(stdout) as JsonReport, stderr };
}

/** The instances of one test file: all on one address, each on a port of its own. */
class RedisSet {
  readonly host: string;
  readonly #block: AddressBlock;
  readonly #dir = mkdtempSync(join(tmpdir(), 'promote-test-'));
  readonly #running: RedisProcess[] = [];
  #started = 0;

  static async create(): Promise<RedisSet> {
    const block = await claimAddressBlock();
    return new RedisSet(block, await block.take([7000]));
  }

  private constructor(block: AddressBlock, host: string) {
    this.#block = block;
    this.host = host;
  }

  async start(extra: Partial<RedisProcessOptions> = {}): Promise<RedisProcess> {
    const number = this.#started++;
    const { host } = this;
    const tool = loadTools().redisServer;
    const dir = join(this.#dir, String(number));
    const redis = await RedisProcess.start({ tool, host, port: 7000 + number, dir, ...extra });
    this.#running.push(redis);
    return redis;
  }

  /** One master and `count` replicas with the link up; `config` are extra lines of each replica. */
  async startReplicated(
    count: number,
    config: readonly (readonly string[])[] = [],
  ): Promise<[RedisProcess, ...RedisProcess[]]> {
    const master = await this.start();
    const replicas = await Promise.all(
      Array.from({ length: count }, (_, index) => this.start({ config: config[index] ?? [] })),
    );
    await Promise.all(replicas.map((replica) => follow(replica, master)));
    await awaitOnline(master, count);
    return [master, ...replicas];
  }

  /** Ends all instances; the next ones get fresh ports. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((redis) => redis.killAndWait()));
  }

  async remove(): Promise<void> {
    await this.stopAll();
    await this.#block.release();
    rmSync(this.#dir, { recursive: true, force: true });
  }
}

/** That of the test file, once `useSet` was called. */
export let set: RedisSet;

/** One set for all tests of a file; each of them starts anew. To be called once in the file. */
export function useSet(): void {
  beforeAll(async () => {
    set = await RedisSet.create();
  });
  afterEach(() => set.stopAll());
  afterAll(async () => {
    await set.remove();
    expect(liveProcesses()).toEqual([]);
  });
}

export const endpointOf = (redis: RedisProcess): string => `${redis.target.host}:${String(redis.target.port)}`;
export const endpointsOf = (all: readonly RedisProcess[]): string[] => all.map(endpointOf);

export async function roleOf(redis: RedisProcess): Promise<RedisRole> {
  return parseRole(await redis.text('INFO', 'replication'));
}

async function onlineBehind(master: RedisProcess): Promise<number> {
  return (await roleOf(master)).replicas.filter((replica) => replica.state === 'online').length;
}

/** A master counts a replica as online from its first ACK on, which comes once a second: later than the link is up. */
export async function awaitOnline(master: RedisProcess, count: number): Promise<void> {
  await waitUntil(async () => ((await onlineBehind(master)) === count ? true : undefined), {
    what: `${String(count)} replicas of ${endpointOf(master)} to be online`,
    timeoutMs: 10_000,
  });
}

/** Makes `replica` follow `master` and waits for the link. */
export async function follow(replica: RedisProcess, master: RedisProcess): Promise<void> {
  await replica.command('REPLICAOF', master.target.host, master.target.port);
  await waitUntil(async () => ((await roleOf(replica)).linkUp === true ? true : undefined), {
    what: `${endpointOf(replica)} to have its link up`,
    timeoutMs: 10_000,
  });
}

/** Waits until the replicas have all that the master has written. */
export async function awaitCaughtUp(master: RedisProcess, replicas: readonly RedisProcess[]): Promise<void> {
  await waitUntil(
    async () => {
      const { offset } = await roleOf(master);
      const roles = await Promise.all(replicas.map(roleOf));
      return roles.every((role) => role.offset >= offset) ? true : undefined;
    },
    { what: 'the replicas to catch up', timeoutMs: 10_000 },
  );
}

/** More than the kernel's buffers of one connection hold, so that a paused replica does not get all of it later. */
export async function writeMuch(master: RedisProcess): Promise<void> {
  const megabyte = 'x'.repeat(1024 * 1024);
  for (let count = 0; count < 14; count++) await master.command('SET', `key-${String(count % 3)}`, megabyte);
}

/** Kills the master and waits until nothing more reaches the replicas. */
export async function killMaster(master: RedisProcess, replicas: readonly RedisProcess[]): Promise<void> {
  await master.killAndWait();
  await waitUntil(
    async () => ((await Promise.all(replicas.map(roleOf))).every((role) => role.linkUp === false) ? true : undefined),
    { what: 'the replicas to notice', timeoutMs: 10_000 },
  );
}

/** What the instances were told while `act` ran: commands that change something, by the counts and by MONITOR. */
export async function changesDuring(all: readonly RedisProcess[], act: () => Promise<unknown>): Promise<string[]> {
  const monitors = await Promise.all(all.map((redis) => MonitorRecorder.start(redis.target)));
  const before = await Promise.all(all.map(readCommandCounts));
  await act();
  const after = await Promise.all(all.map(readCommandCounts));
  const counted = before.flatMap((counts, index) => changingCommandsBetween(counts, after[index]!));
  for (const monitor of monitors) monitor.stop();
  const harmless = /^(INFO|PING|REPLCONF|COMMAND|AUTH|SELECT)\b/;
  return [
    ...counted,
    ...monitors.flatMap((monitor) => monitor.commands()).filter((command) => !harmless.test(command)),
  ];
}
