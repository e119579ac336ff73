import type { Running } from './container.ts';
import { TestkitError } from './errors.ts';
import type { ManagedProcess } from './managed-process.ts';
import { RedisCommander, isAnswer, type RedisTarget } from './redis-client.ts';
import { waitUntil } from './time.ts';

/** A sentinel process; up as soon as it answers anything on its port. */
export class SidecarProcess implements Running {
  readonly process: ManagedProcess;
  readonly #target: RedisTarget;

  constructor(process: ManagedProcess, target: RedisTarget) {
    this.process = process;
    this.#target = target;
  }

  /** @throws TestkitError PROCESS_FAILED with the end of its log when it ends instead, TIMEOUT when it does neither. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    const commander = new RedisCommander(this.#target, 500);
    try {
      const ready = await waitUntil(() => this.#probe(commander), {
        what: `${this.process.name} to answer`,
        timeoutMs,
        intervalMs: 10,
      });
      if (ready) return;
    } finally {
      commander.close();
    }
    const log = this.process.logTail(10).join('\n');
    throw new TestkitError(
      'PROCESS_FAILED',
      `${this.process.name} ${this.process.describeExit()}; its log ends with:\n${log}`,
    );
  }

  async #probe(commander: RedisCommander): Promise<boolean | undefined> {
    if (!this.process.isAlive()) return false;
    try {
      await commander.command('PING');
      return true;
    } catch (error) {
      return isAnswer(error) ? true : undefined;
    }
  }
}
