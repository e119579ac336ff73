import { afterAll, afterEach, beforeAll } from '@jest/globals';
import { asOffset, asPodName, asReplicationId, asRunId, asTerm, type PeerStatus } from '@sentinel-micro/core';
import { bulk, encodeMessage, failed, OK, serveResp, type RespServer } from '@sentinel-micro/runtime';
import {
  claimAddressBlock,
  DnsServer,
  findBundles,
  loadTools,
  RedisProcess,
  waitUntil,
  type AddressBlock,
  type DnsPod,
} from '@sentinel-micro/testkit';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const REDIS_PORT = 6379;
export const SIDECAR_PORT = 26379;
const CLUSTER = 'redis.shop/mymaster';

/** How a run of make-slave ended. */
export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
  /** The lines of the log; lines that are no JSON are left out. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  /** Reason of the decision, from the log. */
  readonly reason: string;
}

export interface SidecarAnswers {
  readonly pod: string;
  readonly cluster?: string;
  /** Whom it names as master. */
  readonly master?: {
    readonly pod: string;
    readonly ip: string;
    readonly runId?: string | null;
    readonly term?: number;
  };
  readonly password?: string;
}

export interface RedisWish {
  readonly password?: string;
  readonly masterIp?: string;
  readonly config?: readonly string[];
}

function statusOf(ip: string, { pod, cluster = CLUSTER, master }: SidecarAnswers): PeerStatus {
  const term = asTerm(master?.term ?? 0);
  const history = {
    replid: asReplicationId('1'.repeat(40)),
    replid2: null,
    secondReplOffset: null,
    offset: asOffset(1),
  };
  return {
    v: 1,
    cluster,
    from: {
      pod: asPodName(pod),
      uid: pod,
      incarnation: 'x',
      ip,
      redisPort: REDIS_PORT,
      port: SIDECAR_PORT,
      replicas: 3,
    },
    term,
    role: 'follower',
    phase: null,
    reason: 'it is a stand-in',
    leaseHolder: null,
    leaseRemainingMs: 0,
    mutedForMs: 0,
    master:
      master === undefined
        ? null
        : {
            term,
            pod: asPodName(master.pod),
            uid: master.pod,
            ip: master.ip,
            port: REDIS_PORT,
            runId: master.runId == null ? null : asRunId(master.runId),
            isFounded: false,
            history: { ...history, ancestors: [] },
          },
    masterIsFresh: master !== undefined,
    redis: { health: 'up', reason: '', position: null },
    members: [],
    ranking: [],
    refusedMessages: 0,
  };
}

/** One small network: a DNS server, addresses, and whatever a test starts there. */
class Network {
  readonly dir: string;
  readonly dns: DnsServer;
  readonly #addresses: AddressBlock;
  readonly #redis: RedisProcess[] = [];
  readonly #sidecars: RespServer[] = [];

  static async open(): Promise<Network> {
    const addresses = await claimAddressBlock();
    const dir = mkdtempSync(path.join(tmpdir(), 'make-slave-e2e-'));
    const dns = await DnsServer.start({
      tool: loadTools().dnsmasq,
      host: addresses.dnsHost,
      port: 10053,
      service: 'redis',
      namespace: 'shop',
      redisPort: REDIS_PORT,
      sentinelPort: SIDECAR_PORT,
      dir: path.join(dir, 'dns'),
    });
    return new Network(addresses, dir, dns);
  }

  private constructor(addresses: AddressBlock, dir: string, dns: DnsServer) {
    this.#addresses = addresses;
    this.dir = dir;
    this.dns = dns;
  }

  /** Addresses for redis-0, redis-1, ...; all of them in DNS. */
  async pods(count: number): Promise<DnsPod[]> {
    const pods: DnsPod[] = [];
    for (let index = 0; index < count; index += 1) {
      pods.push({ name: `redis-${String(index)}`, ip: await this.#addresses.take([REDIS_PORT, SIDECAR_PORT]) });
    }
    await this.dns.setPods(pods);
    return pods;
  }

  /** A Redis without anything of ours in its config; a replica is waited for until its link is up. */
  async redis(ip: string, { password, masterIp, config = [] }: RedisWish = {}): Promise<RedisProcess> {
    const follow = masterIp === undefined ? [] : [`replicaof ${masterIp} ${String(REDIS_PORT)}`];
    const login = password === undefined ? [] : [`masterauth ${password}`];
    const redis = await RedisProcess.start({
      tool: loadTools().redisServer,
      host: ip,
      port: REDIS_PORT,
      password,
      dir: path.join(this.dir, `redis-${ip}`),
      config: [...follow, ...login, ...config],
    });
    this.#redis.push(redis);
    if (masterIp !== undefined) await linkUp(redis);
    return redis;
  }

  /** A Redis from a file that make-slave wrote. */
  async redisFrom(configFile: string, ip: string, password?: string): Promise<RedisProcess> {
    const redis = await RedisProcess.start({
      tool: loadTools().redisServer,
      host: ip,
      port: REDIS_PORT,
      password,
      dir: path.join(this.dir, `rendered-${ip}`),
      configFile,
    });
    this.#redis.push(redis);
    return redis;
  }

  /** A stand-in for a sidecar: answers PEER STATUS. */
  async sidecar(ip: string, answers: SidecarAnswers): Promise<void> {
    const server = await serveResp(ip, SIDECAR_PORT, (session, words) => {
      if (words[0]?.toUpperCase() === 'AUTH') {
        if (words.at(-1) !== answers.password) return failed('WRONGPASS invalid username-password pair');
        session.isAuthenticated = true;
        return OK;
      }
      if (answers.password !== undefined && !session.isAuthenticated) return failed('NOAUTH Authentication required.');
      return words.join(' ') === 'PEER STATUS'
        ? bulk(encodeMessage(statusOf(ip, answers)))
        : failed('ERR unknown command');
    });
    this.#sidecars.push(server);
  }

  /** Ends what the test has started. The addresses stay used. */
  async clear(): Promise<void> {
    await Promise.all(this.#redis.splice(0).map((redis) => redis.killAndWait()));
    await Promise.all(this.#sidecars.splice(0).map((sidecar) => sidecar.close()));
  }

  async close(): Promise<void> {
    await this.clear();
    await this.dns.stop();
    await this.#addresses.release();
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Runs the bundle as an init container would, for redis-0 of three. Flags given here replace the usual ones. */
  run(
    pod: DnsPod,
    flags: Readonly<Record<string, string>> = {},
    env: Readonly<Record<string, string>> = {},
  ): Promise<Run> {
    const all = {
      service: 'redis',
      namespace: 'shop',
      replicas: '3',
      'pod-name': pod.name,
      'pod-ip': pod.ip,
      'dns-servers': this.dns.address,
      output: this.output(pod),
      ...flags,
    };
    return runMakeSlave(
      Object.entries(all).map(([flag, value]) => `--${flag}=${value}`),
      env,
    );
  }

  output(pod: DnsPod): string {
    return path.join(this.dir, `${pod.ip}.conf`);
  }

  /** The lines that make-slave wrote, without comments. */
  written(pod: DnsPod): string[] {
    return readFileSync(this.output(pod), 'utf8')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
  }
}

/** That of the test file, once `useNetwork` was called. */
export let network: Network;
/** redis-0 is the pod that starts. */
export let self: DnsPod;
export let ip1: string;
export let ip2: string;

/** One network for all tests of a file, cleared after each of them; to be called once in the file. */
export function useNetwork(): void {
  beforeAll(async () => {
    network = await Network.open();
  });
  afterEach(() => network.clear());
  afterAll(() => network.close());
}

/** Fresh addresses for that many pods, all in DNS. */
export async function newPods(count: number): Promise<DnsPod[]> {
  const pods = await network.pods(count);
  self = pods[0]!;
  return pods;
}

export async function threePods(): Promise<void> {
  const [, one, two] = await newPods(3);
  ip1 = one!.ip;
  ip2 = two!.ip;
}

export async function linkUp(redis: RedisProcess): Promise<void> {
  await waitUntil(
    async () => ((await redis.text('INFO', 'replication')).includes('master_link_status:up') ? true : undefined),
    {
      what: `${redis.target.host} to be in step with its master`,
      timeoutMs: 10_000,
    },
  );
}

export async function runIdOf(redis: RedisProcess): Promise<string> {
  return /run_id:(\w+)/.exec(await redis.text('INFO', 'server'))?.[1] ?? '';
}

function logLine(line: string): Readonly<Record<string, unknown>>[] {
  try {
    return [JSON.parse(line) as Record<string, unknown>];
  } catch {
    return [];
  }
}

/** Nothing of our own environment goes in: a SENTINEL_MICRO_* of it would change what is tested. */
export function runMakeSlave(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [findBundles().makeSlave, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const text = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (text.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (text.stderr += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      const log = text.stderr.split('\n').flatMap(logLine);
      const message = log.find(({ event }) => event === 'decision')?.['message'];
      const reason = typeof message === 'string' ? message : '';
      resolve({ code, ...text, tookMs: performance.now() - startMs, log, reason });
    });
  });
}
