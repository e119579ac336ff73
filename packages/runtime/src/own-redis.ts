import type { Outcome, OwnAction, RedisSample, RunId } from '@sentinel-micro/core';
import type { Clock } from './clock.ts';
import { isRedisError, OperationError } from './errors.ts';
import type { LogLevel } from './logger.ts';
import { OwnProcess } from './own-process.ts';
import { connectRedis, type RedisConnection, type RedisTarget, type RedisTimeouts } from './redis-connection.ts';
import { askInfo } from './redis-info.ts';
import { carryOut } from './redis-orders.ts';
import { bootFenceDoubt, type BootFence } from './redis-start.ts';
import { askSickness, Sickness } from './redis-sickness.ts';

/** How soon a Redis that refuses connections is tried again, in milliseconds: one SYN on the own host. */
const RECONNECT_MS = 25;
/** So many connections in a row that were closed without a word are followed by another one at once. */
const MAX_IN_A_ROW = 5;
/** How often at most it is asked what it suffers from, in milliseconds. */
const SICKNESS_EVERY_MS = 1000;
/** After the time at which it counts as hung, in milliseconds: both sides look at the clock, and timers are not exact. */
const DEADLINE_MARGIN_MS = 2;
/** A hung Redis is killed so much before it counts as hung elsewhere, in milliseconds: both look at the clock, one after the other. */
const KILL_AHEAD_MS = 10;

export type OwnRedisEvent = 'boot-fence' | 'redis-process' | 'redis-sick' | 'redis-well';

export interface OwnRedisOptions {
  readonly target: RedisTarget;
  /** Where it is reached now, asked whenever it does not answer. Left out: where `target` says. */
  readonly hostNow?: () => string;
  readonly timeouts: RedisTimeouts;
  /** How often INFO is asked, in milliseconds. */
  readonly sampleEveryMs: number;
  /** After how long without an answer it counts as hung, in milliseconds: that is said then, and not when the next question has run out of time. */
  readonly downAfterMs: number;
  readonly clock: Clock;
  /** `minReplicas` is min-replicas-to-write as read on a new connection; null when it was not asked. */
  readonly onSample: (sample: RedisSample, minReplicas: number | null) => void;
  /** For the log: what is seen of its process, and when it begins and ceases to be sick. */
  readonly onNews?: (level: LogLevel, event: OwnRedisEvent, text: string) => void;
  /** Whether a Redis that hangs is killed. Left out: it is not. */
  readonly killHung?: KillHung | undefined;
  /** How it is recognised that it was started as it has to be. Left out: that is not looked at. */
  readonly bootFence?: BootFence | undefined;
}

/** See --kill-hung. */
export interface KillHung {
  /** Whether somebody would take its place: asked right before. */
  readonly isOfUse: () => boolean;
}

export interface OwnRedis {
  execute(action: OwnAction): Promise<Outcome>;
  /** Asks for INFO now; the answer comes through `onSample`. */
  sample(): void;
  stop(): void;
}

/** One connection, from its beginning to its end. */
interface Watch {
  readonly connection: RedisConnection;
  readonly host: string;
  /** As read when the connection was new, until it is told. */
  minReplicas: number | null;
  isSampling: boolean;
  /** It has answered, if only with an error. */
  hasAnswered: boolean;
  /** Why it has not answered anything, as far as that is known. */
  refusal: unknown;
  /** Its process was looked for. */
  hasMet: boolean;
  /** The process behind it is gone: whatever still comes from here is of no interest. */
  isOver: boolean;
  readonly sickness: Sickness;
  sicknessAskedAtMs: number;
}

function newWatch(connection: RedisConnection, host: string): Watch {
  const refusal = new OperationError('CLOSED', 'closed without an answer');
  return {
    ...{ connection, host, minReplicas: null, isSampling: false, hasAnswered: false, refusal },
    ...{ hasMet: false, isOver: false, sickness: new Sickness(), sicknessAskedAtMs: -Infinity },
  };
}

function sampleOf(error: unknown): RedisSample {
  if (!(error instanceof OperationError)) return { outcome: 'silent' };
  const { code } = error;
  if (code === 'ECONNREFUSED') return { outcome: 'refused' };
  return isRedisError(error) ? { outcome: 'error', code } : { outcome: 'silent' };
}

async function readMinReplicas(watch: Watch): Promise<void> {
  const answer = await watch.connection.call('CONFIG', 'GET', 'min-replicas-to-write').catch((error: unknown) => {
    watch.refusal = error;
    return null;
  });
  const value = Array.isArray(answer) ? Number(answer[1]) : Number.NaN;
  watch.minReplicas = Number.isInteger(value) ? value : null;
}

class OwnRedisWatcher implements OwnRedis {
  readonly #options: OwnRedisOptions;
  readonly #sampleTimer: NodeJS.Timeout;
  readonly #process: OwnProcess;
  #current: Watch | null = null;
  #isStopped = false;
  #retryTimer: NodeJS.Timeout | null = null;
  #deadlineTimer: NodeJS.Timeout | null = null;
  #closedInARow = 0;
  /** When it last answered anything; null when it never has, or is dead. */
  #aliveAtMs: number | null = null;
  /** Samples without an answer since then. */
  #silences = 0;
  /** What it suffers from although it answers; null while it is well. */
  #complaint: string | null = null;
  #isKilling = false;
  #toldStopped = false;
  /** Of which process it was said that it was not started as it has to be. */
  #doubtedRunId: RunId | null = null;

  constructor(options: OwnRedisOptions) {
    this.#options = options;
    this.#process = new OwnProcess({
      port: options.target.port,
      isToKill: options.killHung !== undefined,
      onGone: () => this.#onGone(),
      onNews: (level, text) => this.#news(level, 'redis-process', text),
    });
    this.#sampleTimer = setInterval(() => this.sample(), options.sampleEveryMs);
    void this.#connect();
  }

  async execute(action: OwnAction): Promise<Outcome> {
    if (this.#current === null) return { ok: false, error: 'not connected to the own Redis', late: false };
    return await carryOut(this.#current.connection, this.#options.clock, action);
  }

  sample(): void {
    if (this.#current !== null) void this.#sampleOnce(this.#current);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#sampleTimer);
    if (this.#retryTimer !== null) clearTimeout(this.#retryTimer);
    if (this.#deadlineTimer !== null) clearTimeout(this.#deadlineTimer);
    this.#process.stop();
    this.#current?.connection.close();
  }

  async #connect(): Promise<void> {
    if (this.#isStopped) return;
    const { target, timeouts } = this.#options;
    const host = this.#hostNow();
    let connection: RedisConnection;
    try {
      connection = await connectRedis({ ...target, host }, timeouts);
    } catch (error) {
      this.#lookAgain(error);
      return;
    }
    if (this.#hasStopped()) {
      connection.close();
      return;
    }
    const watch = newWatch(connection, host);
    this.#current = watch;
    connection.onClose(() => this.#onClosed(watch));
    await readMinReplicas(watch);
    await this.#sampleOnce(watch);
  }

  #hostNow(): string {
    return this.#options.hostNow?.() ?? this.#options.target.host;
  }

  /** What goes to an address that this pod does not have any more is never answered, and a connection may last for long without. */
  #moveIfElsewhere(): void {
    const watch = this.#current;
    const host = this.#hostNow();
    if (watch === null || watch.host === host) return;
    this.#news(
      'warn',
      'redis-process',
      `this pod does not have the address ${watch.host}: asking its Redis at ${host}`,
    );
    watch.isOver = true;
    this.#current = null;
    watch.connection.close();
    void this.#connect();
  }

  /** For after an `await`: it may have been stopped meanwhile. */
  #hasStopped(): boolean {
    return this.#isStopped;
  }

  async #sampleOnce(watch: Watch): Promise<void> {
    if (watch.isSampling) return;
    watch.isSampling = true;
    const sample = await askInfo(watch.connection).then(
      (info): RedisSample => ({ outcome: 'info', info }),
      (error: unknown) => (watch.connection.isOpen ? sampleOf(error) : null),
    );
    watch.isSampling = false;
    // A connection that closed is looked into by reconnecting: the answer to that is a fact.
    if (sample === null || watch.isOver || this.#isStopped) return;
    if (sample.outcome !== 'silent') watch.hasAnswered = true;
    if (sample.outcome !== 'info') {
      if (sample.outcome === 'error') this.#tellComplaint(`answers ${sample.code}`);
      this.#tell(sample, null);
      return;
    }
    const { minReplicas, sickness } = watch;
    watch.minReplicas = null;
    const isMaster = sample.info.role === 'master';
    const warning = sickness.text;
    const withWarning = { ...sample, warning };
    this.#tellComplaint(warning === null ? null : `answers, but ${warning}`);
    this.#tell(withWarning, minReplicas);
    void this.#askSickness(watch, isMaster);
    if (!watch.hasMet) {
      watch.hasMet = true;
      void this.#checkStart(watch.connection, sample.info.runId);
      await this.#process.meet(watch.connection);
    }
    // The death of a replica is no hurry.
    if (!this.#hasStopped() && watch === this.#current) this.#process.watchClosely(isMaster);
  }

  async #askSickness(watch: Watch, isMaster: boolean): Promise<void> {
    const nowMs = this.#options.clock.now();
    if (nowMs - watch.sicknessAskedAtMs < SICKNESS_EVERY_MS) return;
    watch.sicknessAskedAtMs = nowMs;
    const info = await askSickness(watch.connection).catch(() => null);
    if (info !== null) watch.sickness.take(info, isMaster);
  }

  /** Every sample goes through here. One that would say that Redis hangs may say after it that it is dead instead. */
  #tell(sample: RedisSample, minReplicas: number | null): void {
    if (this.#isKilling && sample.outcome === 'silent') return;
    if (sample.outcome === 'silent') {
      this.#silences += 1;
      this.#moveIfElsewhere();
      this.#tellIfStopped();
      if (this.#isToBeKilled()) {
        // The first may be this sidecar's own: it was stopped itself, and finds that the time is over before it finds the answer.
        if (this.#silences > 1) void this.#kill(sample);
        return;
      }
      this.#lookAtDeadline();
    } else {
      this.#silences = 0;
      this.#aliveAtMs = sample.outcome === 'refused' ? null : this.#options.clock.now();
      this.#toldStopped = false;
    }
    this.#options.onSample(sample, minReplicas);
  }

  #tellIfStopped(): void {
    if (this.#toldStopped || this.#process.look() !== 'stopped') return;
    this.#toldStopped = true;
    this.#news('warn', 'redis-process', 'Redis does not answer, for its process is stopped (SIGSTOP, or a debugger)');
  }

  /** Whoever has been silent once is looked at again when it would count as hung, whatever question is under way then. */
  #lookAtDeadline(): void {
    const { clock, downAfterMs } = this.#options;
    const aliveAtMs = this.#aliveAtMs;
    if (aliveAtMs === null || this.#deadlineTimer !== null) return;
    const leftMs = aliveAtMs + downAfterMs - clock.now();
    if (leftMs <= 0) return;
    this.#deadlineTimer = setTimeout(
      () => {
        this.#deadlineTimer = null;
        // An answer that came while this sidecar itself stood still is read first.
        setImmediate(() => {
          if (!this.#isStopped && this.#aliveAtMs === aliveAtMs) this.#tell({ outcome: 'silent' }, null);
        });
      },
      Math.ceil(leftMs) + DEADLINE_MARGIN_MS,
    );
  }

  #isToBeKilled(): boolean {
    const { killHung, downAfterMs, clock } = this.#options;
    if (killHung === undefined || this.#aliveAtMs === null || this.#process.look() === null) return false;
    const isHung = clock.now() - this.#aliveAtMs >= downAfterMs - KILL_AHEAD_MS;
    return isHung && this.#process.mayKill && killHung.isOfUse();
  }

  /** Until it is known to be dead nothing is told: whoever hears that it hangs lets go of it. */
  async #kill(silence: RedisSample): Promise<void> {
    this.#isKilling = true;
    this.#news(
      'warn',
      'redis-process',
      'Redis hangs: killing its process, so that it can not wake up and take writes (--kill-hung)',
    );
    const isDead = await this.#process.kill();
    this.#isKilling = false;
    if (this.#isStopped) return;
    if (isDead) {
      this.#onGone();
      return;
    }
    this.#news(
      'error',
      'redis-process',
      'the process of Redis was killed, but it is not seen to end (it may wait for its disk)',
    );
    this.#options.onSample(silence, null);
  }

  /** It answers, and yet is not as it should be: said when that begins, changes and ends. */
  #tellComplaint(complaint: string | null): void {
    if (complaint === this.#complaint) return;
    this.#complaint = complaint;
    if (complaint === null) this.#news('info', 'redis-well', 'Redis of this pod is well again');
    else this.#news('warn', 'redis-sick', `Redis of this pod ${complaint}`);
  }

  /** Said once for each process, for each is started anew; a process that is met again, on another connection, is no news. */
  async #checkStart(connection: RedisConnection, runId: RunId | null): Promise<void> {
    const { bootFence } = this.#options;
    const doubt = bootFence === undefined ? null : await bootFenceDoubt(connection, bootFence);
    if (doubt === null || this.#isStopped || (runId !== null && runId === this.#doubtedRunId)) return;
    this.#doubtedRunId = runId;
    this.#news('warn', 'boot-fence', doubt);
  }

  #news(level: LogLevel, event: OwnRedisEvent, text: string): void {
    this.#options.onNews?.(level, event, text);
  }

  /** The process is gone. Large ones keep their connections open for a while: they are not waited for. */
  #onGone(): void {
    const watch = this.#current;
    const error = new OperationError('ECONNREFUSED', 'the process is gone');
    if (watch === null) {
      // Reconnecting has begun, and goes on.
      this.#tell(sampleOf(error), null);
      return;
    }
    watch.isOver = true;
    this.#current = null;
    watch.connection.close();
    this.#retryLater(error);
  }

  #onClosed(watch: Watch): void {
    if (watch.isOver) return;
    // Seen to be gone, it need not be asked: while it closes one socket after the other it may still take a connection.
    if (this.#process.tellIfGone()) return;
    if (this.#current === watch) this.#current = null;
    if (!watch.hasAnswered) {
      this.#lookAgain(watch.refusal);
      return;
    }
    this.#closedInARow = 0;
    void this.#connect();
  }

  /**
   * A dying process closes one socket after the other, so it may still take a connection, only to close it: look again at once.
   * But one that turns clients away, because there are too many, lives; and nobody is to be asked in a tight loop.
   */
  #lookAgain(error: unknown): void {
    const wasClosed = error instanceof OperationError && /^(CLOSED|ECONNRESET|EPIPE)$/.test(error.code);
    if (wasClosed) this.#closedInARow += 1;
    if (wasClosed && this.#closedInARow <= MAX_IN_A_ROW) void this.#connect();
    else this.#retryLater(error);
  }

  #retryLater(error: unknown): void {
    if (this.#isStopped) return;
    const sample = sampleOf(error);
    // Over another address than its own it may be that nobody is bound there: that does not say that it is dead.
    const isSure = sample.outcome !== 'refused' || this.#hostNow() === this.#options.target.host;
    this.#tell(isSure ? sample : { outcome: 'silent' }, null);
    this.#retryTimer = setTimeout(() => void this.#connect(), RECONNECT_MS);
  }
}

/**
 * Watches the Redis of this pod through one lasting connection. That it died is known when the socket closes and
 * reconnecting is refused, not by a timer.
 */
export function watchOwnRedis(options: OwnRedisOptions): OwnRedis {
  return new OwnRedisWatcher(options);
}
