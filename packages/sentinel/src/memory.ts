import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Memory } from '@sentinel-micro/core';
import { decodeMemory, encodeMemory, messageOf, type Logger } from '@sentinel-micro/runtime';

/** A few hundred bytes are usual. */
const MOST_BYTES = 64 * 1024;

/**
 * What this sidecar keeps for its next life, in a file beside the rendered config: an emptyDir lives as long as the pod. It is
 * written whole, and at once (it is in memory, and a promise must not be sent before the term behind it is kept). Without the
 * folder the sidecar does without: it is mute after each start all the same, and learns the newest term from the others.
 */
export class MemoryFile {
  readonly #file: string;
  readonly #cluster: string;
  readonly #logger: Logger;
  #isBroken = false;

  constructor(renderedConfig: string, cluster: string, logger: Logger) {
    this.#file = path.join(path.dirname(renderedConfig), 'sentinel-memory.json');
    this.#cluster = cluster;
    this.#logger = logger;
  }

  /** @returns null when there is none, or none that can be used. Never throws. */
  read(): Memory | null {
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch {
      return null;
    }
    try {
      return decodeMemory(this.#cluster, text.slice(0, MOST_BYTES));
    } catch (error) {
      this.#logger.log('warn', 'memory', `${this.#file} is of no use: ${messageOf(error)}`);
      return null;
    }
  }

  /** Never throws: the first failure is told, and ends it. */
  write(memory: Memory): void {
    if (this.#isBroken) return;
    const temporary = `${this.#file}.new`;
    try {
      writeFileSync(temporary, encodeMemory(this.#cluster, memory), { mode: 0o640 });
      renameSync(temporary, this.#file);
    } catch (error) {
      this.#isBroken = true;
      const text = `the newest term can not be kept (${messageOf(error)}): mount the volume of --rendered-config writable`;
      this.#logger.log('warn', 'memory', text);
    }
  }
}
