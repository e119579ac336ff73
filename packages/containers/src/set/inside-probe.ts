import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { nowMs, waitUntil } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';

/** A write to a Redis, asked and answered inside its own pod: no network between. */
interface InsideAnswer {
  /** When the answer had come. The Redis gave it at that time or before. */
  readonly atMs: number;
  readonly accepted: boolean;
  readonly text: string;
}

const INTERVAL_MS = 10;
const START_TIMEOUT_MS = 20_000;
const MAX_ANSWERS = 100_000;
/** It sets nothing, and is refused wherever a write is refused. */
const QUESTION = 'SET there:is:no:such:key 1 XX\n';

/** Asks one Redis from inside its container whether it takes writes, also when its pod has no network. */
export class InsideProbe {
  readonly answers: InsideAnswer[] = [];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #timer: NodeJS.Timeout;

  /** Asks from now on, and returns when the first answer has come. @throws TestkitError TIMEOUT */
  static async start(docker: Docker, container: string): Promise<InsideProbe> {
    const probe = new InsideProbe(docker, container);
    try {
      const what = { what: `an answer from inside ${container}`, timeoutMs: START_TIMEOUT_MS };
      await waitUntil(() => probe.answers[0], what);
      return probe;
    } catch (error) {
      probe.stop();
      throw error;
    }
  }

  private constructor(docker: Docker, container: string) {
    this.#child = docker.open(['exec', '--interactive', container, 'redis-cli', '--no-raw']);
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.resume();
    this.#timer = setInterval(() => this.#child.stdin.write(QUESTION), INTERVAL_MS);
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#take(line));
  }

  lastAccepted(): InsideAnswer | undefined {
    return this.answers.findLast(({ accepted }) => accepted);
  }

  last(): InsideAnswer | undefined {
    return this.answers.at(-1);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#child.stdin.end();
    this.#child.kill('SIGKILL');
  }

  #take(line: string): void {
    if (line === '' || this.answers.length >= MAX_ANSWERS) return;
    this.answers.push({ atMs: nowMs(), accepted: line === '(nil)', text: line });
  }
}
