import type { StreamEntry } from './redis-protocol.ts';

/** The part of the replication stream that is kept for partial resyncs. */
export class Backlog {
  #firstByte: number;
  readonly #limitBytes: number;
  #entries: StreamEntry[] = [];

  constructor(firstByte: number, limitBytes: number) {
    this.#firstByte = firstByte;
    this.#limitBytes = limitBytes;
  }

  add(entry: StreamEntry): void {
    this.#entries.push(entry);
    if (entry.lastByte - this.#firstByte <= 2 * this.#limitBytes) return;
    this.#entries = this.#entries.filter((kept) => kept.firstByte > entry.lastByte - this.#limitBytes);
    this.#firstByte = this.#entries[0]?.firstByte ?? entry.lastByte + 1;
  }

  /** What comes from `nextByte` on; null when it is not here. */
  from(nextByte: number, endByte: number): StreamEntry[] | null {
    if (nextByte < this.#firstByte || nextByte > endByte + 1) return null;
    let start = this.#entries.length;
    while (start > 0 && (this.#entries[start - 1] as StreamEntry).firstByte >= nextByte) start -= 1;
    return this.#entries.slice(start);
  }
}
