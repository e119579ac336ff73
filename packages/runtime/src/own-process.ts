import { setTimeout as sleep } from 'node:timers/promises';
import { OperationError } from './errors.ts';
import type { LogLevel } from './logger.ts';
import type { RedisConnection } from './redis-connection.ts';
import { findProcess, type ProcessClaim, type ProcessState, type SeenProcess } from './redis-process.ts';

/** How often the process of a master is looked at, in milliseconds: some microseconds each. That of a replica is not. */
const LOOK_EVERY_MS = 5;
/** How long a killed process may take until it is seen to exit, in milliseconds: one that waits for its disk does not at once. */
const DEATH_WITHIN_MS = 250;

export interface OwnProcessOptions {
  /** The port of the Redis. */
  readonly port: number;
  /** Whether it is wanted that a hung one is killed: then it is said when that can not be done. */
  readonly isToKill: boolean;
  /** Told once, when the process is seen to be gone. Its connections may still be open. */
  readonly onGone: () => void;
  readonly onNews: (level: LogLevel, text: string) => void;
}

function claimOf(info: string, port: number): ProcessClaim | null {
  const number = (field: string): number => Number(new RegExp(`^${field}:(\\d+)\\r?$`, 'm').exec(info)?.[1] ?? NaN);
  const [pid, uptimeSeconds] = [number('process_id'), number('uptime_in_seconds')];
  return Number.isInteger(pid) && pid > 0 && Number.isInteger(uptimeSeconds) ? { pid, uptimeSeconds, port } : null;
}

/** What is seen of the process of the own Redis, where the pod shares its process namespace; nothing elsewhere. */
export class OwnProcess {
  readonly #options: OwnProcessOptions;
  #seen: SeenProcess | null = null;
  #timer: NodeJS.Timeout | null = null;
  #told: string | null = null;
  /** Its end is told by the answer to that alone. */
  #isBeingKilled = false;

  constructor(options: OwnProcessOptions) {
    this.#options = options;
  }

  /** Looks for the process behind a connection on which INFO is answered. Never throws. */
  async meet(connection: RedisConnection): Promise<void> {
    const info = await connection.call('INFO', 'server').catch(() => null);
    // Nothing was learned; whatever was met before has its own end.
    if (typeof info !== 'string' || !connection.isOpen) return;
    this.#forget();
    const claim = claimOf(info, this.#options.port);
    try {
      if (claim === null) throw new OperationError('UNSEEN', 'it does not tell its process id');
      this.#seen = findProcess(claim);
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      this.#tell(false, error.message);
      return;
    }
    this.#tell(true, '');
  }

  /** Looks at it all the time, or not. */
  watchClosely(isWanted: boolean): void {
    if (isWanted && this.#seen !== null) this.#timer ??= setInterval(() => this.tellIfGone(), LOOK_EVERY_MS);
    else this.#rest();
  }

  /** Looks at it now. @returns whether it was told just now that it is gone. */
  tellIfGone(): boolean {
    if (this.#isBeingKilled || this.#seen?.look() !== 'gone') return false;
    this.#forget();
    this.#options.onGone();
    return true;
  }

  /** Null when it is not seen. */
  look(): ProcessState | null {
    return this.#seen?.look() ?? null;
  }

  get mayKill(): boolean {
    return this.#seen?.mayKill() ?? false;
  }

  /** Sends SIGKILL. @returns whether it is certainly gone. */
  async kill(): Promise<boolean> {
    this.#rest();
    this.#isBeingKilled = true;
    try {
      return await this.#kill();
    } finally {
      this.#isBeingKilled = false;
    }
  }

  stop(): void {
    this.#forget();
  }

  async #kill(): Promise<boolean> {
    const seen = this.#seen;
    if (seen?.kill() !== true) return false;
    for (let waitedMs = 0; waitedMs < DEATH_WITHIN_MS && this.#seen === seen; waitedMs++) {
      if (seen.look() === 'gone') {
        this.#forget();
        return true;
      }
      await sleep(1);
    }
    return false;
  }

  #rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  #forget(): void {
    this.#rest();
    this.#seen?.close();
    this.#seen = null;
  }

  /** Once, and again when it has changed. */
  #tell(isSeen: boolean, why: string): void {
    const { isToKill, onNews } = this.#options;
    const cannotKill = isToKill && !this.mayKill;
    const sight = isSeen
      ? 'the process of Redis is visible: its death is known within milliseconds'
      : `the process of Redis is not visible (${why}): its death is known when its connections close`;
    const text = cannotKill
      ? `${sight}; it can not be killed when it hangs (--kill-hung)${isSeen ? ': no permission to signal it' : ''}`
      : sight;
    if (text === this.#told) return;
    this.#told = text;
    onNews(cannotKill ? 'warn' : 'info', text);
  }
}
