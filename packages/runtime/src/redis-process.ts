import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { OperationError, messageOf } from './errors.ts';

/** What a Redis says of its own process in INFO, section Server. */
export interface ProcessClaim {
  /** In the process namespace of that Redis, which need not be this one. */
  readonly pid: number;
  readonly uptimeSeconds: number;
  /** The port that it listens on. */
  readonly port: number;
}

/** `gone`: it is exiting, a zombie, or not there. It will never run again, though its connections may still be open. */
export type ProcessState = 'alive' | 'stopped' | 'gone';

/** Linux tells times of processes in hundredths of a second, whatever the kernel counts in. */
const TICKS_PER_SECOND = 100;
/** By how much the age of the process and what Redis says may differ, in seconds: it counts whole ones, and begins after its start. */
const YOUNGER_SECONDS = 2;
const OLDER_SECONDS = 10;
/** PF_EXITING and PF_SIGNALED (killed by a signal) of Linux's sched.h. Its memory is freed first, and its sockets close after that. */
const DEATH_FLAGS = 0x4 | 0x400;

const SERVER_NAME = /^(?:redis|valkey)-server$/;
const TITLE_PORT = /:(\d{1,5})(?:\s|$)/;

interface Stat {
  readonly state: string;
  readonly flags: number;
  readonly startedAtSeconds: number;
}

/** Field numbers as in proc(5); the name in parentheses may have blanks. */
function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return {
    state: fields[0] ?? '',
    flags: Number(fields[6]),
    startedAtSeconds: Number(fields[19]) / TICKS_PER_SECOND,
  };
}

function isGone({ state, flags }: Stat): boolean {
  return state === 'Z' || state === 'X' || state === 'x' || (flags & DEATH_FLAGS) !== 0;
}

/**
 * One process, as /proc shows it. The open file stands for this very process: when another one gets its id, reading says that
 * this one is not there any more.
 */
export class SeenProcess {
  readonly pid: number;
  readonly #file: number;
  readonly #buffer = Buffer.alloc(1024);

  /** @throws an error of the file system when there is no such process. */
  constructor(pid: number) {
    this.pid = pid;
    this.#file = openSync(`/proc/${String(pid)}/stat`, 'r');
  }

  /** Some microseconds. @throws an error of the file system when it is not there any more. */
  stat(): Stat {
    const length = readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
    return parseStat(this.#buffer.toString('latin1', 0, length));
  }

  look(): ProcessState {
    try {
      const stat = this.stat();
      if (isGone(stat)) return 'gone';
      return stat.state === 'T' || stat.state === 't' ? 'stopped' : 'alive';
    } catch {
      return 'gone';
    }
  }

  /** Whether this process may send it signals. */
  mayKill(): boolean {
    return this.#signal(0);
  }

  /** SIGKILL. @returns false when it is not permitted. */
  kill(): boolean {
    // Else the id may be another's by now.
    return this.look() === 'gone' || this.#signal('SIGKILL');
  }

  close(): void {
    closeSync(this.#file);
  }

  #signal(signal: 0 | 'SIGKILL'): boolean {
    try {
      return process.kill(this.pid, signal);
    } catch {
      return false;
    }
  }
}

function secondsSinceBoot(): number {
  return Number.parseFloat(readFileSync('/proc/uptime', 'latin1'));
}

/** Why this can not be the process that the claim is about; null when everything fits. */
function mismatch(process: SeenProcess, claim: ProcessClaim): string | null {
  const folder = `/proc/${String(process.pid)}`;
  const name = readFileSync(`${folder}/comm`, 'utf8').trim();
  // A process title such as `/usr/bin/redis-server *:6379`.
  const title = readFileSync(`${folder}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  const program = title.split(' ', 1)[0]?.split('/').at(-1) ?? '';
  const who = `process ${String(process.pid)} here`;
  if (!SERVER_NAME.test(name) && !SERVER_NAME.test(program)) return `${who} is not a redis-server`;
  const port = TITLE_PORT.exec(title)?.[1];
  if (port !== undefined && Number(port) !== claim.port) return `${who} is the redis-server of port ${port}`;
  const ageSeconds = secondsSinceBoot() - process.stat().startedAtSeconds;
  const olderSeconds = ageSeconds - claim.uptimeSeconds;
  if (olderSeconds >= -YOUNGER_SECONDS && olderSeconds <= OLDER_SECONDS) return null;
  return `${who} is a redis-server that was started at another time`;
}

/**
 * Finds the process of a Redis. Its id may stand for another process here, when the pod does not share its process namespace:
 * so name, port and start must fit as well.
 * @throws OperationError `UNSEEN` saying why there is none.
 */
export function findProcess(claim: ProcessClaim): SeenProcess {
  let process: SeenProcess;
  try {
    process = new SeenProcess(claim.pid);
  } catch {
    throw new OperationError('UNSEEN', `there is no process ${String(claim.pid)} here`);
  }
  let why: string | null;
  try {
    why = mismatch(process, claim);
  } catch (error) {
    why = messageOf(error);
  }
  if (why === null) return process;
  process.close();
  throw new OperationError('UNSEEN', why);
}
