import type { Action, Command } from '@sentinel-micro/core';
import { isFailoverPaused, type Issued } from './commands.ts';
import type { ForeignSidecarKind } from './foreigner.ts';
import type { DataKept, Pod } from './pod.ts';
import type { Process } from './process.ts';
import type { World } from './world.ts';

export type Undo = () => void;

/** Milliseconds, or null for: until everything is healed. */
export type Lasting = number | null;

/** How a redis-server dies. */
export interface RedisDeath {
  readonly forMs: Lasting;
  /** What it finds on its disk when it starts again. */
  readonly kept: DataKept;
  /** It is saved a moment before. */
  readonly isSaved?: boolean;
}

/** How the old pod of a force-deleted name lives on. */
export interface Ghost {
  readonly forMs: Lasting;
  readonly isFrozen: boolean;
  /** After `forMs` it can be reached again for so long, until its kubelet ends it. */
  readonly backForMs: number;
}

const STOP_TO_DELETE_MS = 1500;
/** `shutdown-timeout` of Redis. */
const SHUTDOWN_TIMEOUT_MS = 10_000;
const SHUTDOWN_POLL_MS = 10;
const ROLL_TO_NEXT_MS = 6000;
const RESTART_AFTER_STOP_MS = 500;
/** How often somebody looks whether failover is still paused anywhere, and how many times. */
const LOOK_FOR_PAUSED_MS = 500;
const LOOKS_FOR_PAUSED = 10;

/** What can be done to processes and pods, and how it is taken back. */
export class Damage {
  readonly #world: World;
  readonly #undo = new Set<Undo>();
  /** So many want automatic failover to be paused. */
  #pausers = 0;
  /** No process was stopped, killed, or tampered with since; true time. */
  lastDisturbedMs = 0;
  isOver = false;

  constructor(world: World) {
    this.#world = world;
    world.onStopped = (pod) => this.stopped(pod);
  }

  /** Ends everything: the network is whole, everything runs. */
  heal(): void {
    this.isOver = true;
    const world = this.#world;
    world.log('=== all faults end');
    for (const undo of [...this.#undo]) undo();
    world.onStep = null;
    for (const pod of world.pods) {
      if (!pod.isWanted) continue;
      if (!pod.exists) pod.create();
      else {
        pod.startRedis('empty');
        pod.startSidecar();
      }
    }
    // A sidecar may remember that it was paused when it was last alive.
    this.#resumeFailover(LOOKS_FOR_PAUSED);
  }

  /** Takes something back after a while, or when everything is healed. @returns what does so sooner */
  for(forMs: Lasting, undo: Undo): Undo {
    const once = (): void => {
      if (this.#undo.delete(once)) undo();
    };
    this.#undo.add(once);
    if (forMs !== null) this.#world.scheduler.after(forMs, once);
    return once;
  }

  disturb(): void {
    this.lastDisturbedMs = this.#world.nowMs;
  }

  killSidecar(pod: Pod, forMs: Lasting): void {
    if (pod.sidecar?.isAlive !== true) return;
    this.disturb();
    const { machine } = pod;
    pod.killSidecar();
    this.for(forMs, () => {
      this.disturb();
      if (pod.machine === machine) pod.startSidecar();
    });
  }

  killRedis(pod: Pod, death: RedisDeath): void {
    if (pod.redis?.isAlive !== true) return;
    this.disturb();
    const { machine } = pod;
    if (death.isSaved === true) pod.save();
    pod.killRedis();
    this.for(death.forMs, () => {
      this.disturb();
      if (pod.machine === machine) pod.startRedis(death.kept);
    });
  }

  /**
   * SIGTERM to redis-server: it holds writes back until its replicas have everything, for at most `shutdown-timeout`, saves, and
   * exits (prepareForShutdown() in Redis's server.c).
   */
  stopRedis(pod: Pod, forMs: Lasting): void {
    const { redis } = pod;
    if (redis?.isAlive !== true) return;
    const byMs = this.#world.nowMs + SHUTDOWN_TIMEOUT_MS;
    redis.pausedUntilMs = Infinity;
    const look = (): void => {
      const isBehind = redis.feeding
        .info()
        .some((replica) => replica.state === 'online' && replica.offset < redis.offset);
      if (isBehind && this.#world.nowMs < byMs) redis.after(SHUTDOWN_POLL_MS, look);
      else this.killRedis(pod, { forMs, kept: 'rdb', isSaved: true });
    };
    look();
  }

  /** SIGSTOP. `first` says what comes first when it goes on: that differs with where in its loop the process was stopped. */
  pause(process: Process | null, forMs: Lasting, first: 'io' | 'timer'): void {
    if (process?.isAlive !== true || process.isPaused) return;
    this.disturb();
    process.pause();
    this.for(forMs, () => {
      this.disturb();
      this.#world.log('*** a paused process goes on');
      process.resume(first);
    });
  }

  /** The whole machine stands still: both processes, their timers, and, if so configured, their clock. */
  suspend(pod: Pod, forMs: Lasting, first: 'io' | 'timer'): void {
    const { redis, sidecar } = pod;
    if (!pod.exists || redis?.isPaused === true || sidecar?.isPaused === true) return;
    this.disturb();
    const wakeUp = pod.suspend(first);
    this.for(forMs, () => {
      this.disturb();
      this.#world.log(`*** ${pod.name} wakes up`);
      wakeUp();
    });
  }

  deletePod(pod: Pod, forMs: Lasting): void {
    if (!pod.exists) return;
    this.disturb();
    pod.delete();
    this.for(forMs, () => {
      this.disturb();
      if (!pod.exists && pod.isWanted) pod.create();
    });
  }

  /**
   * `kubectl delete --force`: the name has a new pod, while the old one still runs on a node that nobody can reach, or stands still.
   * @returns the new pod
   */
  forceDelete(pod: Pod, ghost: Ghost): Pod {
    const world = this.#world;
    // A set of one is its own quorum: nothing can tell its two pods apart.
    const isSetOfOne = (pod.sidecar?.state.config.members.length ?? world.pods.length) === 1;
    if (!pod.exists || world.ghosts.length > 0 || isSetOfOne) return pod;
    this.disturb();
    const heir = world.abandon(pod);
    const { slot } = pod.machine;
    const cut = (by: 1 | -1): void => {
      for (let other = 0; other < world.slots; other += 1) {
        if (other === slot) continue;
        world.network.cut(slot, other, by);
        world.network.cut(other, slot, by);
      }
    };
    cut(1);
    if (ghost.isFrozen) {
      pod.redis?.pause();
      pod.sidecar?.pause();
    }
    this.for(ghost.forMs, () => {
      world.log(`*** the old ${pod.name} is back`);
      this.disturb();
      if (ghost.backForMs === 0) pod.delete();
      cut(-1);
      pod.redis?.resume('io');
      pod.sidecar?.resume('io');
      this.for(ghost.backForMs, () => pod.delete());
    });
    heir.create();
    return heir;
  }

  /** Somebody types REPLICAOF; null for NO ONE. */
  replicaOfByHand(pod: Pod, host: string | null): void {
    this.disturb();
    pod.redis?.deliver('io', () => {
      const { redis } = pod;
      if (redis === null || redis.isLoading || redis.isBusy) return;
      pod.tamperedAtMs = this.#world.nowMs;
      if (host !== null && redis.isMaster) this.#world.watcher?.madeReplicaByHand(redis);
      redis.replicaOfByHand(host);
    });
  }

  /** A Lua script: Redis is silent until `busy-reply-threshold`, and then answers -BUSY until the script ends. Another one has to wait. */
  runSlowScript(pod: Pod, silentForMs: number, busyForMs: number): void {
    const { redis } = pod;
    if (redis?.isAlive !== true || redis.isPaused || redis.isLoading || redis.isBusy) return;
    this.disturb();
    redis.startScript();
    redis.pause();
    this.for(silentForMs, () => redis.resume('io'));
    this.for(silentForMs + busyForMs, () => {
      this.disturb();
      redis.endScript();
    });
  }

  /** A machine's wall clock is wrong for a while. */
  stepWallClock(pod: Pod, byMs: number, forMs: Lasting): void {
    const { machine } = pod;
    machine.wallOffsetMs += byMs;
    this.for(forMs, () => {
      machine.wallOffsetMs -= byMs;
    });
  }

  /** Somebody else's Redis appears at an address. */
  admit(ip: string, forMs: Lasting, sidecar: ForeignSidecarKind, podIndex: number): void {
    if (this.isOver) return;
    const foreigner = this.#world.admit(ip, { sidecar, podIndex });
    if (foreigner === null) return;
    this.#world.log(`*** a foreign Redis at ${ip}, sidecar: ${sidecar}`);
    this.for(forMs, () => foreigner.leave());
  }

  /** SIGTERM to the sidecar, which is started again when it has ended. */
  stopSidecar(pod: Pod, atMostMs: number): void {
    pod.sidecar?.deliver('io', () => pod.sidecar?.feed({ type: 'stop' }));
    this.for(atMostMs, () => this.stopped(pod));
  }

  /** The sidecar has handed over: the container ends, and is started again. */
  stopped(pod: Pod): void {
    if (pod.sidecar?.isAlive !== true || !pod.sidecar.state.stopping) return;
    this.killSidecar(pod, RESTART_AFTER_STOP_MS);
  }

  /** Somebody gives a command to the sidecar of a pod. @returns null when there is none that could take it */
  order(pod: Pod, command: Command): Issued | null {
    this.disturb();
    return this.#world.commands.give(pod, command);
  }

  /** Automatic failover is paused, and resumed after a while. @returns what resumes it sooner */
  pauseFailover(pod: Pod, forMs: Lasting): Undo {
    this.order(pod, { kind: 'pause' });
    this.#pausers += 1;
    return this.for(forMs, () => {
      this.#pausers -= 1;
      this.#resumeFailover(LOOKS_FOR_PAUSED);
    });
  }

  /** As a person does who looks at the status until nobody is paused any more. */
  #resumeFailover(looks: number): void {
    if (looks === 0 || this.#pausers > 0) return;
    const paused = this.#world.pods.find(isFailoverPaused);
    if (paused !== undefined) this.order(paused, { kind: 'resume' });
    this.#world.scheduler.after(LOOK_FOR_PAUSED_MS, () => this.#resumeFailover(looks - 1));
  }

  /** One pod after the other: asked to stop, then made anew, then waited for. */
  roll(rest: Pod[], goneForMs: number): void {
    const pod = rest.shift();
    if (pod === undefined || this.isOver) return;
    pod.sidecar?.deliver('io', () => pod.sidecar?.feed({ type: 'stop' }));
    this.#world.scheduler.after(STOP_TO_DELETE_MS, () => {
      if (this.isOver) return;
      this.deletePod(pod, goneForMs);
      this.#world.scheduler.after(ROLL_TO_NEXT_MS, () => this.roll(rest, goneForMs));
    });
  }

  /** The sidecar that takes the next step of an election or a failover, after `passed` others, is struck right after it. */
  trap(passed: number, forMs: number, strike: (pod: Pod) => void): void {
    let countdown = passed;
    this.#world.onStep = (pod: Pod, action: Action) => {
      if (!isStep(action)) return;
      countdown -= 1;
      if (countdown >= 0) return;
      this.#world.onStep = null;
      strike(pod);
    };
    this.for(forMs, () => {
      this.#world.onStep = null;
    });
  }
}

function isStep(action: Action): boolean {
  switch (action.type) {
    case 'ask':
      return action.request.type !== 'RENEW' && action.request.type !== 'PREVOTE';
    case 'own':
      return action.action.kind !== 'sample';
    case 'remote':
      return true;
    case 'store':
      return action.request.do === 'write';
    case 'answer':
    case 'command-done':
    case 'master-changed':
    case 'stopped':
      return false;
  }
}
