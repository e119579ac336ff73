import type { RedisConnection } from './redis-connection.ts';
import { askInfoText } from './redis-info.ts';

const SECTIONS = ['memory', 'persistence', 'errorstats'] as const;
/** A complaint ends when there was no reason for it in so many looks: at its limit, memory is now above it and now below. */
const LOOKS_UNTIL_WELL = 5;

type Complaint = 'memory' | 'save' | 'append' | 'rewrite';

/** In the words that follow "answers, but". */
const WORDS: Readonly<Record<Complaint, string>> = {
  memory: 'has no memory left (maxmemory, and nothing to evict): it refuses writes with OOM',
  save: 'could not save its data (disk full, or fork failed): unless stop-writes-on-bgsave-error is off it refuses writes with MISCONF',
  append: 'can not write its append-only file: it refuses writes with MISCONF',
  rewrite: 'could not rewrite its append-only file (disk full, or fork failed): the file keeps growing',
};

function fieldOf(info: string, name: string): string | null {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? null;
}

function numberOf(info: string, name: string): number {
  return Number(fieldOf(info, name) ?? 0);
}

/** As freeMemoryIfNeeded() of Redis counts: buffers for replicas are left out. */
function isMemoryFull(info: string): boolean {
  const limit = numberOf(info, 'maxmemory');
  const counted = numberOf(info, 'used_memory') - numberOf(info, 'mem_not_counted_for_evict');
  return limit > 0 && counted > limit && fieldOf(info, 'maxmemory_policy') === 'noeviction';
}

/** How often writes were refused with -OOM so far (Redis 6.2 and newer tell). */
function refusalsIn(info: string): number {
  return Number(/^errorstat_OOM:count=(\d+)/m.exec(info)?.[1] ?? 0);
}

/**
 * Tells a Redis that is well from one that answers and yet refuses writes, or is about to: from INFO alone, without writing
 * anything. The words stay the same as long as it is the same.
 */
export class Sickness {
  readonly #looksLeft = new Map<Complaint, number>();
  #refusals: number | null = null;

  /** Takes in INFO (memory, persistence, errorstats). @param isMaster only a master refuses writes for its memory. */
  take(info: string, isMaster: boolean): void {
    const refusals = refusalsIn(info);
    const hasRefused = this.#refusals !== null && refusals > this.#refusals;
    this.#refusals = refusals;
    this.#note('memory', isMaster && (hasRefused || isMemoryFull(info)));
    this.#note('save', fieldOf(info, 'rdb_last_bgsave_status') === 'err');
    this.#note('append', fieldOf(info, 'aof_last_write_status') === 'err');
    this.#note('rewrite', fieldOf(info, 'aof_last_bgrewrite_status') === 'err');
  }

  /** Null when there is nothing to complain of. */
  get text(): string | null {
    const complaints = (Object.keys(WORDS) as Complaint[]).filter((complaint) => this.#looksLeft.has(complaint));
    return complaints.length === 0 ? null : complaints.map((complaint) => WORDS[complaint]).join('; ');
  }

  #note(complaint: Complaint, isSo: boolean): void {
    const left = isSo ? this.#looksUntilWell(complaint) : (this.#looksLeft.get(complaint) ?? 0) - 1;
    if (left > 0) this.#looksLeft.set(complaint, left);
    else this.#looksLeft.delete(complaint);
  }

  /** The others are states: Redis itself keeps them until it has succeeded. */
  #looksUntilWell(complaint: Complaint): number {
    return complaint === 'memory' ? LOOKS_UNTIL_WELL : 1;
  }
}

/** Asks for what `Sickness.take` needs. @throws OperationError as `askInfo`. */
export function askSickness(connection: RedisConnection): Promise<string> {
  return askInfoText(connection, SECTIONS);
}
