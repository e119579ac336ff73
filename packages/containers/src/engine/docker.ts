import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { TestkitError } from '@sentinel-micro/testkit';

/** How the command line is started, and which engine it talks to. */
export interface DockerOptions {
  readonly command: string;
  /** The whole environment of the command line. */
  readonly env: Readonly<Record<string, string>>;
  /** `unix:///...` */
  readonly host: string;
}

export interface RunOptions {
  /** Default 60 s. */
  readonly timeoutMs?: number;
  /** What the command reads; default: nothing. */
  readonly input?: string;
  /** Told each line as it is printed. */
  readonly onLine?: (line: string) => void;
}

/** How a command of the engine ended. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly tookMs: number;
}

const TIMEOUT_MS = 60_000;
/** More than any command here prints that is read. */
const MAX_OUTPUT_CHARS = 32 * 1024 * 1024;

/** One engine, by its command line. */
export class Docker {
  readonly host: string;
  readonly #options: DockerOptions;

  constructor(options: DockerOptions) {
    this.#options = options;
    this.host = options.host;
  }

  /** What the command prints, without the last line end. @throws TestkitError PROCESS_FAILED with its words */
  async text(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, stdout, stderr } = await this.end(args, options);
    if (code === 0) return stdout.trimEnd();
    const words = `${stderr.trim()}\n${stdout.slice(-4000).trim()}`.trim();
    throw new TestkitError('PROCESS_FAILED', `docker ${args.join(' ')} ended with ${String(code)}:\n${words}`);
  }

  /** Lets the command end, however. @throws TestkitError PROCESS_FAILED when it can not be started, TIMEOUT */
  end(args: readonly string[], { timeoutMs = TIMEOUT_MS, input, onLine }: RunOptions = {}): Promise<Ended> {
    const startedAtMs = performance.now();
    const child = this.open(args);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        reject(new TestkitError('TIMEOUT', `docker ${args.join(' ')} took more than ${timeoutMs} ms`));
      }, timeoutMs);
      const output = { stdout: '', stderr: '' };
      for (const stream of ['stdout', 'stderr'] as const) {
        child[stream].setEncoding('utf8').on('data', (text: string) => {
          if (output[stream].length < MAX_OUTPUT_CHARS) output[stream] += text;
          if (onLine !== undefined) for (const line of text.split('\n')) if (line.trim() !== '') onLine(line);
        });
      }
      child.once('error', (error) => {
        clearTimeout(timer);
        reject(new TestkitError('PROCESS_FAILED', `docker can not be started: ${error.message}`, { cause: error }));
      });
      child.once('close', (code) => {
        clearTimeout(timer);
        resolve({ code, ...output, tookMs: performance.now() - startedAtMs });
      });
      // A command that ends without having read is reported by its exit.
      child.stdin.on('error', () => undefined);
      child.stdin.end(input ?? '');
    });
  }

  /** Starts a command that goes on; whoever starts it ends it. */
  open(args: readonly string[]): ChildProcessWithoutNullStreams {
    return spawn(this.#options.command, ['--host', this.host, ...args], { env: this.#options.env });
  }

  /** One field of `inspect`, as a Go template prints it. @throws as `text` */
  inspect(thing: string, template: string): Promise<string> {
    return this.text(['inspect', '--format', template, thing]);
  }
}
