import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestkitError, describeRoles, judge, messageOf, readRoles, waitUntil } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';
import { OWN_LABEL } from '../images/index.ts';
import type { SetPlan } from './commands.ts';
import { ContainerPod } from './pod.ts';

export interface SetOptions {
  readonly docker: Docker;
  readonly dir: string;
  readonly name: string;
  readonly redisImage: string;
  /** `own`: whoever answers that no other name exists; `silent`: nobody; `usual`: whom the engine asks by default. */
  readonly upstreamDns: 'own' | 'silent' | 'usual';
  readonly sharesProcesses: boolean;
  readonly sentinelFlags: readonly string[];
}

/** With a dot, so that it is the whole name: asked for as it is, and the namespace of the set is in it. */
const SERVICE = 'redis.demo';
const REPLICAS = 3;
const REDIS_PORT = 6379;
const NETWORK_ATTEMPTS = 20;
const BASE_CONFIG = `dir /data
protected-mode no
repl-backlog-size 16mb
repl-diskless-sync-delay 0
`;

/** Three pods of containers on a network of the engine. */
export class ContainerSet {
  readonly pods: readonly ContainerPod[];
  readonly #docker: Docker;
  readonly #plan: SetPlan;

  /** Makes the network; no pod is started. @throws TestkitError PROCESS_FAILED */
  static async create(options: SetOptions): Promise<ContainerSet> {
    const { docker, dir, name: network, redisImage, upstreamDns, sharesProcesses, sentinelFlags } = options;
    const baseConfigDir = join(dir, 'redis-base');
    mkdirSync(baseConfigDir, { recursive: true });
    writeFileSync(join(baseConfigDir, 'redis.conf'), BASE_CONFIG);
    const subnet = await makeNetwork(docker, network);
    // The engine's machine itself has the first address of the network. Nobody has the last one.
    const dns = { own: `${subnet}.1`, silent: `${subnet}.254`, usual: null }[upstreamDns];
    const common = { network, subnet, service: SERVICE, replicas: REPLICAS, redisImage, baseConfigDir };
    return new ContainerSet(docker, { ...common, dns, sharesProcesses, sentinelFlags });
  }

  private constructor(docker: Docker, plan: SetPlan) {
    this.#docker = docker;
    this.#plan = plan;
    this.pods = Array.from({ length: plan.replicas }, (_, index) => new ContainerPod(docker, plan, index));
  }

  get replicas(): number {
    return this.#plan.replicas;
  }

  /** All pods at once. @throws TestkitError PROCESS_FAILED with the words of what failed. */
  async start(): Promise<void> {
    await Promise.all(this.pods.map((pod) => pod.start()));
  }

  others(pod: ContainerPod): ContainerPod[] {
    return this.pods.filter((other) => other !== pod);
  }

  /** Waits for one master with all others behind it. @throws TestkitError TIMEOUT with what each pod says */
  async whole(timeoutMs: number): Promise<ContainerPod> {
    let why = '';
    try {
      return await waitUntil(
        async () => {
          const verdict = judge(await readRoles(this.pods), REDIS_PORT);
          if (verdict.healthy) return verdict.master;
          why = verdict.reason;
          return undefined;
        },
        { what: 'one master with all others behind it', timeoutMs, intervalMs: 50 },
      );
    } catch (error) {
      throw new TestkitError('TIMEOUT', `${messageOf(error)}: ${why}\n${await this.describe()}`, { cause: error });
    }
  }

  /** For messages: what each pod says, and the ends of the logs. */
  async describe(): Promise<string> {
    const logs = await Promise.all(
      this.pods.map(async (pod) => {
        const ends = await Promise.all(
          (['redis', 'sentinel'] as const).map(async (part) => {
            const log = await pod.log(part).catch(messageOf);
            return `--- ${part} of ${pod.name}\n${log.trimEnd().split('\n').slice(-25).join('\n')}`;
          }),
        );
        return `--- make-slave of ${pod.name}\n${pod.makeSlaveLog}${ends.join('\n')}`;
      }),
    );
    return [...describeRoles(await readRoles(this.pods)), ...logs].join('\n');
  }

  /** Removes its containers, volumes and network. Never throws. */
  async remove(): Promise<void> {
    for (const pod of this.pods) pod.close();
    await removeAll(this.#docker);
  }
}

async function makeNetwork(docker: Docker, name: string): Promise<string> {
  let last = '';
  for (let attempt = 0; attempt < NETWORK_ATTEMPTS; attempt++) {
    const subnet = `10.${100 + Math.floor(Math.random() * 100)}.${Math.floor(Math.random() * 256)}`;
    const flags = ['--label', OWN_LABEL, '--subnet', `${subnet}.0/24`, '--gateway', `${subnet}.1`];
    const { code, stderr } = await docker.end(['network', 'create', ...flags, name]);
    if (code === 0) return subnet;
    last = stderr;
    // Somebody else may have these addresses: then others will do.
    if (!/overlap|in use|conflict/i.test(stderr)) break;
  }
  throw new TestkitError('PROCESS_FAILED', `no network could be made: ${last.trim()}`);
}

/** Removes every container, volume and network that bears our label. Never throws. */
export async function removeAll(docker: Docker): Promise<void> {
  const filter = ['--quiet', '--filter', `label=${OWN_LABEL}`];
  const kinds = [
    { list: ['ps', '--all', ...filter], remove: ['rm', '--force', '--volumes'] },
    { list: ['network', 'ls', ...filter], remove: ['network', 'rm'] },
    { list: ['volume', 'ls', ...filter], remove: ['volume', 'rm', '--force'] },
  ];
  for (const { list, remove } of kinds) {
    const found = await docker.end(list).catch(() => undefined);
    const names = found?.stdout.split('\n').filter((name) => name !== '') ?? [];
    // A container that holds the network of others goes with them: one command for all.
    if (names.length > 0) await docker.end([...remove, ...names]).catch(() => undefined);
  }
}
