import {
  asPodName,
  isSettled,
  type Announcement,
  type Answer,
  type BootstrapObservation,
  type PeerObservation,
  type PeerStatus,
  type ReplicationInfo,
  type SidecarView,
} from '@sentinel-micro/core';
import { canonicalIp, messageOf, type ServiceAddress } from '@sentinel-micro/runtime';
import type { MakeSlaveConfig } from './config.ts';

/** More addresses than two families of the largest set are not the pods of one set; the rest is not asked. */
const MAX_ADDRESSES = 128;
/** DNS may take so many times as long as a peer. */
const DNS_BOUNDS = 2;

/** What can be asked. Each may reject, and none needs a bound of its own. */
export interface Probes {
  resolve(): Promise<readonly ServiceAddress[]>;
  status(ip: string): Promise<PeerStatus>;
  info(ip: string, port: number): Promise<ReplicationInfo>;
}

/** Bounds questions. What is still open when nobody waits for it any more is let go of, timer and all. */
class Bounds {
  readonly #boundMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();

  constructor(boundMs: number) {
    this.#boundMs = boundMs;
  }

  /** An answer, or the reason why there is none, after at most `times` bounds. Never rejects. */
  async answer<Value>(question: Promise<Value>, times = 1): Promise<Answer<Value>> {
    const boundMs = times * this.#boundMs;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Answer<Value>>((resolve) => {
      timer = setTimeout(() => resolve({ ok: false, reason: `no answer within ${boundMs} ms` }), boundMs);
      this.#timers.add(timer);
    });
    const answer = question.then(
      (value): Answer<Value> => ({ ok: true, value }),
      (error: unknown): Answer<Value> => ({ ok: false, reason: messageOf(error) }),
    );
    const first = await Promise.race([answer, late]);
    clearTimeout(timer);
    return first;
  }

  letGo(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

function sidecarView({ cluster, from, master, masterIsFresh }: PeerStatus): SidecarView {
  return { cluster, from, masterIsFresh, master: master === null ? null : { ...master, ip: canonicalIp(master.ip) } };
}

function withCanonicalMaster(info: ReplicationInfo): ReplicationInfo {
  return { ...info, masterHost: info.masterHost === null ? null : canonicalIp(info.masterHost) };
}

function mapAnswer<From, To>(answer: Answer<From>, change: (value: From) => To): Answer<To> {
  return answer.ok ? { ok: true, value: change(answer.value) } : answer;
}

/** What was asked so far, and what came back. */
class Inquiry {
  readonly #config: MakeSlaveConfig;
  readonly #probes: Probes;
  readonly #bounds: Bounds;
  readonly #peers = new Map<string, PeerObservation>();

  constructor(config: MakeSlaveConfig, probes: Probes, bounds: Bounds) {
    this.#config = config;
    this.#probes = probes;
    this.#bounds = bounds;
  }

  seen(): BootstrapObservation {
    const { pod, ip, cluster, members, isResizable } = this.#config;
    return { self: { pod, ip }, cluster, members, isResizable, dnsProblem: null, peers: [...this.#peers.values()] };
  }

  /** Notes the address, and asks who is there. @returns the questions that are now open */
  ask({ ip, podName }: ServiceAddress): Promise<void>[] {
    const notYet: Answer<never> = { ok: false, reason: 'no answer yet' };
    const key = this.#note({
      ip,
      redisPort: this.#config.redisPort,
      podName: podName === null ? null : asPodName(podName),
      sidecar: notYet,
      redis: notYet,
    });
    return ip === this.#config.ip ? [] : [this.#askSidecar(key, ip), this.#askRedis(key, ip, this.#config.redisPort)];
  }

  #note(peer: PeerObservation): string {
    const key = `${peer.ip} ${peer.redisPort}`;
    this.#peers.set(key, peer);
    return key;
  }

  #update(key: string, change: Partial<PeerObservation>): void {
    const known = this.#peers.get(key);
    if (known !== undefined) this.#peers.set(key, { ...known, ...change });
  }

  async #askSidecar(key: string, ip: string): Promise<void> {
    const status = await this.#bounds.answer(this.#probes.status(ip));
    const sidecar = mapAnswer(status, sidecarView);
    this.#update(key, { sidecar });
    if (!sidecar.ok || sidecar.value.cluster !== this.#config.cluster) return;
    const { master, masterIsFresh } = sidecar.value;
    if (master !== null && masterIsFresh) await this.#askNamed(master);
  }

  /** DNS may lag behind: the master that a sidecar names is asked too when DNS does not list it. */
  async #askNamed({ ip, port }: Announcement): Promise<void> {
    if (ip === this.#config.ip || this.#peers.has(`${ip} ${port}`)) return;
    const redis: Answer<never> = { ok: false, reason: 'no answer yet' };
    const key = this.#note({ ip, redisPort: port, podName: null, sidecar: null, redis });
    await this.#askRedis(key, ip, port);
  }

  async #askRedis(key: string, ip: string, port: number): Promise<void> {
    const info = await this.#bounds.answer(this.#probes.info(ip, port));
    this.#update(key, { redis: mapAnswer(info, withCanonicalMaster) });
  }
}

/**
 * Asks DNS for the peers, then every peer's sidecar and Redis at once. Never rejects: what could not be had is part of the
 * observation, with the reason. Takes at most four times `probeTimeoutMs` (DNS two, a sidecar one, the Redis that it names
 * one), and ends as soon as all have answered, or those that have not can no longer change the decision.
 */
export async function observe(config: MakeSlaveConfig, probes: Probes): Promise<BootstrapObservation> {
  const bounds = new Bounds(config.probeTimeoutMs);
  const inquiry = new Inquiry(config, probes, bounds);
  const found = await bounds.answer(probes.resolve(), DNS_BOUNDS);
  if (!found.ok) return { ...inquiry.seen(), dnsProblem: `DNS does not tell who the peers are: ${found.reason}` };
  const questions = found.value
    .slice(0, MAX_ADDRESSES)
    .flatMap(({ ip, podName }) => inquiry.ask({ ip: canonicalIp(ip), podName }));
  await new Promise<void>((resolve) => {
    const finishWhenSettled = (): void => {
      if (isSettled(inquiry.seen())) resolve();
    };
    void Promise.all(questions.map((question) => question.then(finishWhenSettled))).then(() => resolve());
  });
  bounds.letGo();
  return inquiry.seen();
}
