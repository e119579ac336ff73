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

/** Fields of /proc/PID/stat behind the name, counted from the state: those of proc(5) less three. */
const FLAGS_FIELD = 6;
const START_FIELD = 19;

const [BLANK, CLOSING_BRACKET, ZERO] = [0x20, 0x29, 0x30];
const [ENDED, TAKEN_AWAY, TAKEN_AWAY_OF_OLD] = [0x5a, 0x58, 0x78];
const [STOPPED, TRACED] = [0x54, 0x74];

/** Where the state is in /proc/PID/stat: behind the name, which may have blanks and brackets itself. */
function stateAt(stat: Buffer, length: number): number {
  return stat.lastIndexOf(CLOSING_BRACKET, length) + 2;
}

/** One number of it. Read byte by byte: it is wanted two hundred times a second, and texts for all fields cost more than the rest of a look. */
function numberOf(stat: Buffer, length: number, field: number): number {
  let at = stateAt(stat, length);
  for (let blanks = 0; blanks < field && at < length; at++) if (stat[at] === BLANK) blanks++;
  let value = 0;
  for (let byte = stat[at]; at < length && byte !== undefined && byte !== BLANK; byte = stat[++at])
    value = value * 10 + byte - ZERO;
  return value;
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

  /** Since the start of the machine, in seconds. @throws an error of the file system when it is not there any more. */
  startedAtSeconds(): number {
    return numberOf(this.#buffer, this.#read(), START_FIELD) / TICKS_PER_SECOND;
  }

  /** Some microseconds. */
  look(): ProcessState {
    let length: number;
    try {
      length = this.#read();
    } catch {
      return 'gone';
    }
    const state = this.#buffer[stateAt(this.#buffer, length)];
    if (state === ENDED || state === TAKEN_AWAY || state === TAKEN_AWAY_OF_OLD) return 'gone';
    if ((numberOf(this.#buffer, length, FLAGS_FIELD) & DEATH_FLAGS) !== 0) return 'gone';
    return state === STOPPED || state === TRACED ? 'stopped' : 'alive';
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

  #read(): number {
    return readSync(this.#file, this.#buffer, 0, this.#buffer.length, 0);
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
  const ageSeconds = secondsSinceBoot() - process.startedAtSeconds();
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
