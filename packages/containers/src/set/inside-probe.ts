import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { waitUntil } from '@sentinel-micro/testkit';
import type { Docker } from '../engine/index.ts';

/** A write to a Redis, asked and answered inside its own pod: no network between. */
interface InsideAnswer {
  /** When the Redis took it, on the clock of `nowMs`; undefined when it refused. */
  readonly acceptedAtMs: number | undefined;
  readonly text: string;
}

const INTERVAL_MS = 10;
const START_TIMEOUT_MS = 20_000;
const MAX_ANSWERS = 100_000;
/**
 * It sets nothing, and is refused wherever a write is refused. The Redis tells when it took it, by the clock of this machine: the answer
 * itself may take its time to get here.
 */
const SCRIPT = "local t = redis.call('TIME') redis.call('SET', KEYS[1], '1', 'XX') return t[1] .. ' ' .. t[2]";
const QUESTION = `EVAL "${SCRIPT}" 1 there:is:no:such:key\n`;

/** When a Redis took a write, from what the script answers; undefined for a refusal. */
export function acceptedAt(line: string): number | undefined {
  const match = /^"?(\d+) (\d+)"?$/.exec(line);
  return match === null ? undefined : Number(match[1]) * 1000 + Number(match[2]) / 1000 - performance.timeOrigin;
}

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

  /** When the Redis took its last write; undefined when it took none. */
  lastAcceptedAtMs(): number | undefined {
    return this.answers.findLast(({ acceptedAtMs }) => acceptedAtMs !== undefined)?.acceptedAtMs;
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
    this.answers.push({ acceptedAtMs: acceptedAt(line), text: line });
  }
}
