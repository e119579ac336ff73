import type { Action, Input, Note, PeerAnswer, Position } from '@sentinel-micro/core';
import { quorumOf } from '@sentinel-micro/core';
import { Client, type Write } from './client.ts';
import { Commands } from './commands.ts';
import type { Core } from './core.ts';
import { Foreigner, type ForeignerSettings } from './foreigner.ts';
import { Network, type Machine, type Socket } from './network.ts';
import { LeaseApi } from './store-model.ts';
import { Pod } from './pod.ts';
import { Random } from './random.ts';
import type { RedisModel, RedisObserver } from './redis-model.ts';
import type { Snapshot } from './redis-protocol.ts';
import { Scheduler } from './scheduler.ts';
import type { RunSettings } from './settings.ts';
import type { Sidecar, SidecarEnvironment } from './sidecar.ts';

// Looked up once: in Jest's sandbox a global costs more than the multiplication.
const { imul } = Math;

/** How DNS answers one pod. */
export type DnsMode = 'right' | 'silent' | 'self-only' | 'stale' | 'foreign';
/** Machines beside pods and clients: an old pod that was deleted by force, and the pods of somebody else. */
const GHOSTS = 1;
const FOREIGNERS = 2;
/** Drawn apart from the rest. */
const API_STREAM = 5;

/** What watches a world. */
export interface Watcher {
  decided(sidecar: Sidecar): void;
  acted(sidecar: Sidecar, action: Action): void;
  noted(sidecar: Sidecar, note: Note): void;
  fullSyncStarted(from: RedisModel, to: RedisModel): void;
  /** A Redis of another cluster was ordered about. */
  foreignerTouched(text: string): void;
  /** A Redis of another cluster feeds one of this one. */
  foreignerFeeds(text: string, to: Pod | null): void;
  /** A Redis of this cluster feeds one of another. */
  foreignerFed(text: string): void;
  promoted(redis: RedisModel): void;
  /** Somebody types REPLICAOF at a master. */
  madeReplicaByHand(redis: RedisModel): void;
  /** A Redis has carried out a client's write. */
  accepted(redis: RedisModel, value: number): void;
}

function describePosition(position: Position | null): string {
  if (position === null) return 'nothing to show';
  const { offset, replid, synced, intact, keys, priority } = position;
  const worth = `${synced ? 'synced' : 'not synced'}${intact ? '' : ', not intact'}, ${String(keys)} keys`;
  return `${replid.slice(0, 6)}:${String(offset)}, ${worth}, priority ${String(priority)}`;
}

function describeAnswer(answer: PeerAnswer): string {
  switch (answer.type) {
    case 'refused':
      return `refused (${answer.reason})`;
    case 'granted':
      return `granted (${describePosition(answer.position)})`;
    case 'frozen':
      return `frozen (${describePosition(answer.position)})`;
    case 'ok':
      return 'ok';
  }
}

export interface WorldOptions {
  readonly isRecording: boolean;
  readonly clockCountsSuspension: boolean;
}

/** A set of pods with their network, their clients and their clocks, all from one seed. */
export class World implements RedisObserver {
  readonly scheduler = new Scheduler();
  readonly random: Random;
  readonly network: Network;
  readonly pods: Pod[];
  /** Pods that were deleted by force and may still run. */
  readonly ghosts: Pod[] = [];
  readonly foreigners: Foreigner[] = [];
  readonly clockCountsSuspension: boolean;
  readonly cluster = 'simulated';
  readonly slots: number;
  readonly history: Write[] = [];
  readonly commands = new Commands(this);
  readonly settings: RunSettings;
  readonly core: Core;
  readonly lines: string[] = [];
  readonly dns: DnsMode[];
  /** What keeps the lease, where that is not the sidecars themselves. */
  readonly api: LeaseApi | null;
  watcher: Watcher | null = null;
  /** What N follows, if it follows anything. */
  statefulSet: { whyNotResized(): string | null } | null = null;
  onStopped: (pod: Pod) => void = () => undefined;
  /** Called when a sidecar has started. */
  onStarted: (pod: Pod) => void = () => undefined;
  /** Called with each action of a sidecar that is in the middle of something; a fault may strike there. */
  onStep: ((pod: Pod, action: Action) => void) | null = null;
  #hash = 0x811c9dc5;
  readonly #isRecording: boolean;
  readonly #staleIps: string[] = [];

  constructor(seed: number, settings: RunSettings, core: Core, options: WorldOptions) {
    const { isRecording, clockCountsSuspension } = options;
    this.clockCountsSuspension = clockCountsSuspension;
    this.settings = settings;
    this.core = core;
    this.#isRecording = isRecording;
    this.random = new Random(seed, 1);
    this.slots = settings.pods + settings.clients + GHOSTS + FOREIGNERS;
    const isStored = settings.leaseStore === 'kubernetes';
    this.network = new Network(this.scheduler, new Random(seed, 2), this.slots + (isStored ? 1 : 0));
    this.api = isStored
      ? new LeaseApi(this.network, new Random(seed, API_STREAM), this.slots, (text) => this.log(text))
      : null;
    this.network.conditions.mostDelayMs = settings.mostDelayMs;
    this.network.conditions.leastDelayMs = Math.min(0.1, settings.mostDelayMs / 2);
    this.pods = Array.from({ length: settings.pods }, (_, index) => new Pod(this, index));
    this.dns = this.pods.map(() => 'right');
    for (let index = 0; index < settings.clients; index += 1) this.#addClient(seed, index);
  }

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** Nothing is lost, and nothing takes longer than usual. */
  get isNetworkGood(): boolean {
    const { lossRate, mostDelayMs, slowSlot } = this.network.conditions;
    return lossRate === 0 && mostDelayMs <= this.settings.mostDelayMs && slowSlot === null;
  }

  /** A number that two runs share only when they went the same way. */
  get fingerprint(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, '0');
  }

  log(text: string): void {
    const line = `${this.nowMs.toFixed(1).padStart(10)} ${text}`;
    for (let i = 0; i < line.length; i += 1) this.#hash = imul(this.#hash ^ line.charCodeAt(i), 0x01000193);
    if (this.#isRecording) this.lines.push(line);
  }

  /** Every pod that runs, those that should not exist any more among them. */
  get allPods(): readonly Pod[] {
    return this.ghosts.length === 0 ? this.pods : [...this.pods, ...this.ghosts];
  }

  podOf(process: { readonly machine: Machine } | null): Pod | null {
    return process === null ? null : (this.allPods.find((pod) => pod.machine === process.machine) ?? null);
  }

  /** The name has a new pod from now on, while the old one goes on. @returns the new one, which is still to be created. */
  abandon(pod: Pod): Pod {
    this.log(`${pod.name}: pod deleted by force: ${pod.uid} goes on`);
    this.ghosts.push(pod);
    const heir = pod.abandon(this.settings.pods + this.settings.clients);
    this.pods[pod.index] = heir;
    return heir;
  }

  /** Somebody else's Redis and sidecar appear, at an address that was a pod's if one is named. Null when it is taken. */
  admit(ip: string, settings: ForeignerSettings): Foreigner | null {
    if (this.foreigners.length >= FOREIGNERS || this.network.machineAt(ip) !== null) return null;
    const slot = this.slots - 1 - this.foreigners.length;
    const foreigner = new Foreigner(this, { ...settings, ip, slot });
    this.foreigners.push(foreigner);
    return foreigner;
  }

  /** What DNS tells this pod: the addresses of all pods that exist, unless a fault has it otherwise. */
  resolve(asking: Pod): readonly string[] | null {
    const ips = this.pods.filter((pod) => pod.exists).map((pod) => pod.machine.ip);
    switch (this.dns[asking.index] ?? 'right') {
      case 'right':
        return ips;
      case 'silent':
        return null;
      case 'self-only':
        return [asking.machine.ip];
      case 'stale':
        return this.#staleIps.length === 0 ? ips : [...this.#staleIps];
      case 'foreign':
        return [...ips, ...this.foreigners.filter(({ isHere }) => isHere).map(({ machine }) => machine.ip)];
    }
  }

  /** Makes what DNS knows now what a stale answer will say later. */
  rememberDns(): void {
    this.#staleIps.length = 0;
    for (const pod of this.pods) if (pod.exists) this.#staleIps.push(pod.machine.ip);
  }

  sidecarEnvironment(pod: Pod): SidecarEnvironment {
    return {
      core: this.core,
      api: this.api,
      network: this.network,
      random: this.random,
      machine: pod.machine,
      clock: pod.clock,
      hasPassword: this.settings.redis.hasPassword,
      resolve: () => this.resolve(pod),
      onInput: (sidecar, input) => this.#record(pod, sidecar, input),
      onAction: (sidecar, action) => this.#acted(pod, sidecar, action),
      onNote: (sidecar, note) => {
        this.log(`${pod.name}: ${note.level === 'info' ? '' : `${note.level} `}${note.event}: ${note.text}`);
        this.watcher?.noted(sidecar, note);
      },
      onDecided: (sidecar) => {
        pod.remember();
        this.watcher?.decided(sidecar);
      },
      onReason: (sidecar) => this.log(`${pod.name}: - ${sidecar.state.reason}`),
      onStopped: (sidecar) => {
        if (pod.sidecar === sidecar) this.onStopped(pod);
      },
    };
  }

  sidecarStarted(pod: Pod): void {
    this.onStarted(pod);
  }

  roleChanged(redis: RedisModel, text: string): void {
    this.log(`${this.podOf(redis)?.name ?? '?'}: redis-server ${text}`);
    if (redis.isMaster) this.watcher?.promoted(redis);
  }

  snapshotStored(redis: RedisModel, snapshot: Snapshot): void {
    this.podOf(redis)?.snapshotStored(snapshot);
  }

  writeAccepted(redis: RedisModel, value: number): void {
    this.watcher?.accepted(redis, value);
  }

  foreignerTouched(text: string): void {
    this.log(text);
    this.watcher?.foreignerTouched(text);
  }

  foreignerFeeds(from: RedisModel, to: Socket): void {
    const pod = this.podOf(to.remoteMachine === null ? null : { machine: to.remoteMachine });
    const text = `the foreign Redis at ${from.machine.ip} starts a full sync for ${pod?.name ?? 'a stranger'}`;
    this.log(text);
    this.watcher?.foreignerFeeds(text, pod);
  }

  fullSyncStarted(from: RedisModel, to: Socket): void {
    const replica = to.remoteProcess as RedisModel | null;
    if (replica === null) return;
    if (replica.machine.realm === 'foreign') {
      this.watcher?.foreignerFed(`${this.podOf(from)?.name ?? '?'} starts a full sync for a foreign Redis`);
      return;
    }
    const name = this.podOf(replica)?.name ?? '?';
    this.log(
      `${this.podOf(from)?.name ?? '?'}: redis-server starts a full sync for ${name} (${replica.data.length} -> ${from.data.length} writes)`,
    );
    this.watcher?.fullSyncStarted(from, replica);
  }

  #addClient(seed: number, index: number): void {
    const slot = this.settings.pods + index;
    const ip = `10.9.9.${index + 1}`;
    const machine: Machine = { slot, ip, realm: 'own', isUp: true, wallOffsetMs: 0, services: new Map() };
    this.network.add(machine);
    new Client({
      network: this.network,
      random: new Random(seed, 10 + index),
      machine,
      writeEveryMs: this.settings.writeEveryMs,
      waitFor: quorumOf(this.settings.pods) - 1,
      addresses: () => this.pods.filter((pod) => pod.exists).map((pod) => pod.machine.ip),
      history: this.history,
    });
  }

  #acted(pod: Pod, sidecar: Sidecar, action: Action): void {
    if (action.type === 'own' && action.action.kind !== 'sample') {
      this.log(`${pod.name}: orders own ${JSON.stringify(action.action)}`);
    } else if (action.type === 'remote') this.log(`${pod.name}: orders ${action.pod} ${JSON.stringify(action.action)}`);
    this.watcher?.acted(sidecar, action);
    this.onStep?.(pod, action);
  }

  #record(pod: Pod, sidecar: Sidecar, input: Input): void {
    // Everything but the chatter of a healthy set.
    if (input.type === 'request' && input.request.type !== 'RENEW') {
      const { type, from, term } = input.request;
      this.log(`${pod.name}: asked ${type} term ${String(term)} by ${from.pod}`);
    } else if (input.type === 'answer' && input.request.type !== 'RENEW') {
      const { answer, request } = input;
      const what = answer === null ? 'no answer' : describeAnswer(answer);
      this.log(`${pod.name}: ${what} from ${input.from} to ${request.type} term ${String(request.term)}`);
    } else if (input.type === 'own-done' && !input.outcome.ok) {
      this.log(`${pod.name}: ${input.action.kind} failed: ${input.outcome.error}`);
    } else if (input.type === 'remote-done' && !input.outcome.ok) {
      this.log(`${pod.name}: remote order failed: ${input.outcome.error}`);
    } else if (input.type === 'redis' && input.sample.outcome !== 'info' && sidecar.state.own.health.state !== 'down') {
      this.log(`${pod.name}: own Redis: ${input.sample.outcome}`);
    }
  }
}
