import { Resolver } from 'node:dns/promises';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError } from './errors.ts';
import { ManagedProcess, type ProcessHost } from './managed-process.ts';
import { waitUntil } from './time.ts';
import type { Tool } from './tools.ts';

/** A pod as the headless Service lists it. */
export interface DnsPod {
  readonly name: string;
  readonly ip: string;
}

export interface DnsServerOptions {
  readonly tool: Tool;
  /** Address to listen on, UDP and TCP. */
  readonly host: string;
  readonly port: number;
  /** The headless Service; its domain is `SERVICE.NAMESPACE.svc.cluster.local`. */
  readonly service: string;
  readonly namespace: string;
  readonly redisPort: number;
  readonly sentinelPort: number;
  /** Folder for configuration and log. */
  readonly dir: string;
  /** Where it runs; `host` must be an address of that. Default: where this process does. */
  readonly inside?: ProcessHost | undefined;
}

const GENERATION_NAME = 'generation.testkit';
const START_TIMEOUT_MS = 5000;

/**
 * A real DNS server (dnsmasq) that answers for one headless Service as CoreDNS does with publishNotReadyAddresses:
 *
 * - A of the Service: every pod; A of `POD.SERVICE...`: that pod
 * - SRV of `_redis._tcp.SERVICE...` and `_sentinel._tcp.SERVICE...`: every pod with that port; SRV of the Service
 *   itself: every pod with both ports
 * - NXDOMAIN for every other name. No upstream, no caching, TTL 0.
 */
export class DnsServer {
  /** `SERVICE.NAMESPACE.svc.cluster.local` */
  readonly serviceFqdn: string;
  /** `HOST:PORT`, as `--dns-servers` takes it. */
  readonly address: string;
  readonly #options: DnsServerOptions;
  #pods: readonly DnsPod[];
  #process: ManagedProcess | undefined;
  #generation = 0;
  #paused = false;
  #stopped = false;
  /** Changes run one after the other. */
  #queue: Promise<void> = Promise.resolve();

  /** Starts the server and waits until it answers. @throws TestkitError DNS_FAILED with its log, or TIMEOUT. */
  static async start(options: DnsServerOptions, pods: readonly DnsPod[] = []): Promise<DnsServer> {
    const server = new DnsServer(options, pods);
    await server.#restart();
    return server;
  }

  private constructor(options: DnsServerOptions, pods: readonly DnsPod[]) {
    this.#options = options;
    this.#pods = [...pods];
    this.serviceFqdn = `${options.service}.${options.namespace}.svc.cluster.local`;
    this.address = `${options.host}:${String(options.port)}`;
    mkdirSync(options.dir, { recursive: true });
  }

  get pods(): readonly DnsPod[] {
    return this.#pods;
  }

  /**
   * Replaces the records, and resolves when the new ones are served. dnsmasq reads SRV records only when it starts,
   * so it is restarted: for some 10 ms queries are refused. While paused or stopped the change is only remembered.
   */
  setPods(pods: readonly DnsPod[]): Promise<void> {
    return this.#enqueue(async () => {
      this.#pods = [...pods];
      if (!this.#paused && !this.#stopped) await this.#restart();
    });
  }

  /** Adds or moves one pod. */
  setPod(pod: DnsPod): Promise<void> {
    return this.#enqueue(async () => {
      this.#pods = [...this.#pods.filter((other) => other.name !== pod.name), pod];
      if (!this.#paused && !this.#stopped) await this.#restart();
    });
  }

  /** Removes one pod. */
  removePod(name: string): Promise<void> {
    return this.#enqueue(async () => {
      this.#pods = this.#pods.filter((other) => other.name !== name);
      if (!this.#paused && !this.#stopped) await this.#restart();
    });
  }

  /** A silent DNS: queries arrive and are not answered. */
  pause(): Promise<void> {
    return this.#enqueue(() => {
      this.#paused = true;
      this.#process?.pause();
      return Promise.resolve();
    });
  }

  /** Answers again, with the pods as they are by then. */
  resume(): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#paused) return;
      this.#paused = false;
      // A new process rather than SIGCONT: it knows the latest pods, and does not answer the queries that piled up.
      if (!this.#stopped) await this.#restart();
    });
  }

  /** No DNS at all: queries are refused at once. `start` of the same object brings it back. */
  stop(): Promise<void> {
    return this.#enqueue(async () => {
      this.#stopped = true;
      await this.#process?.killAndWait();
      this.#process = undefined;
    });
  }

  /** Starts again after `stop`. */
  start(): Promise<void> {
    return this.#enqueue(async () => {
      if (!this.#stopped) return;
      this.#stopped = false;
      await this.#restart();
    });
  }

  /** SIGKILL, without waiting; stays down. For exit handlers. */
  killSync(): void {
    this.#stopped = true;
    this.#process?.kill('SIGKILL');
  }

  /** Asks this server, for tests. Every query is bounded by `timeoutMs`. */
  resolver(timeoutMs = 500): Resolver {
    const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
    resolver.setServers([this.address]);
    return resolver;
  }

  #enqueue(change: () => Promise<void>): Promise<void> {
    const done = this.#queue.then(change);
    // The caller gets the error; the next change must run all the same.
    this.#queue = done.catch(() => undefined);
    return done;
  }

  async #restart(): Promise<void> {
    const { dir, tool, inside } = this.#options;
    const generation = String(++this.#generation);
    const config = join(dir, 'dnsmasq.conf');
    writeFileSync(config, this.#config(generation));
    await this.#process?.killAndWait();
    if (this.#stopped) return;
    const server = ManagedProcess.start({
      name: `dnsmasq ${this.address}`,
      command: tool.command,
      // Not a daemon: stays here, logs here, and does not change to a user who may not read this folder.
      args: ['--no-daemon', `--conf-file=${config}`],
      env: tool.env,
      cwd: dir,
      logFile: join(dir, 'dnsmasq.log'),
      inside,
    });
    this.#process = server;
    try {
      await this.#waitUntilServed(server, generation);
    } catch (error) {
      await server.killAndWait();
      throw error;
    }
  }

  async #waitUntilServed(server: ManagedProcess, generation: string): Promise<void> {
    const resolver = this.resolver(100);
    const served = await waitUntil(
      async () => {
        if (!server.isAlive()) return false;
        const answer = await resolver.resolveTxt(GENERATION_NAME);
        return answer.flat().includes(generation) ? true : undefined;
      },
      { what: `${server.name} to serve the new records`, timeoutMs: START_TIMEOUT_MS, intervalMs: 2 },
    );
    if (!served) {
      throw new TestkitError('DNS_FAILED', `${server.name} ${server.describeExit()}:\n${server.logTail(5).join('\n')}`);
    }
  }

  #config(generation: string): string {
    const { host, port, redisPort, sentinelPort } = this.#options;
    const service = this.serviceFqdn;
    const lines = [
      'pid-file=',
      'no-resolv',
      'no-hosts',
      'bind-interfaces',
      `listen-address=${host}`,
      `port=${String(port)}`,
      'cache-size=0',
      'local-ttl=0',
      // Every name is ours: what is not listed does not exist. Without it unknown names are answered with REFUSED.
      'local=/#/',
      `txt-record=${GENERATION_NAME},${generation}`,
    ];
    for (const { name, ip } of this.#pods) {
      const target = `${name}.${service}`;
      lines.push(`host-record=${target},${ip}`, `host-record=${service},${ip}`);
      lines.push(`srv-host=_redis._tcp.${service},${target},${String(redisPort)},0,50`);
      lines.push(`srv-host=_sentinel._tcp.${service},${target},${String(sentinelPort)},0,50`);
      lines.push(`srv-host=${service},${target},${String(redisPort)},0,50`);
      lines.push(`srv-host=${service},${target},${String(sentinelPort)},0,50`);
    }
    return `${lines.join('\n')}\n`;
  }
}
