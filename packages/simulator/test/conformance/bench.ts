import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimAddressBlock, loadTools, type AddressBlock, type Tool } from '@sentinel-micro/testkit';
import { ModelStage, type Habits } from './model-stage.ts';
import { play } from './play.ts';
import { RealStage } from './real-stage.ts';
import { SERVERS, type Step } from './vocabulary.ts';

const PORT = 6379;
const VERSION_TIMEOUT_MS = 5000;

/** The server that the environment chooses (TESTKIT_SERVER), and how it names itself: `Redis server 7.0.15`. */
export function serverUnderTest(): { tool: Tool; name: string; habits: Habits } {
  const tool = loadTools().redisServer;
  const { stdout } = spawnSync(tool.command, ['--version'], {
    env: { PATH: '/usr/bin:/bin', ...tool.env },
    encoding: 'utf8',
    timeout: VERSION_TIMEOUT_MS,
  });
  const match = /^(\w+ server) v=((\d+)\.(\d+)\.\d+)/.exec(stdout);
  if (match === null) throw new Error(`${tool.command} --version says ${stdout}`);
  const [, kind = '', version = '', major = '', minor = ''] = match;
  const isAfter = (number: number): boolean => Number(`${major}.${minor}`) > number;
  const hasRdbChannel = kind === 'Redis server' && isAfter(7.9);
  return { tool, name: `${kind} ${version}`, habits: { countsAlone: isAfter(7.1), hasRdbChannel } };
}

/** Plays stories on real servers and on the model, a few at once. */
export class Bench {
  readonly #addresses: AddressBlock;
  readonly #dir: string;
  readonly #server = serverUnderTest();
  readonly #lanes: (readonly string[])[] = [];
  readonly #waiting: ((ips: readonly string[]) => void)[] = [];
  #played = 0;

  /** @param atOnce how many stories may go on at the same time */
  static async start(atOnce: number): Promise<Bench> {
    const bench = new Bench(await claimAddressBlock());
    for (let lane = 0; lane < atOnce; lane += 1) {
      const ips: string[] = [];
      while (ips.length < SERVERS.length) ips.push(await bench.#addresses.take([PORT]));
      bench.#lanes.push(ips);
    }
    return bench;
  }

  private constructor(addresses: AddressBlock) {
    this.#addresses = addresses;
    this.#dir = mkdtempSync(join(tmpdir(), 'conformance-'));
  }

  /** Gives everything back. All stories must have ended. */
  async stop(): Promise<void> {
    await this.#addresses.release();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** @returns null when both went the same way, else what was done and how they differ */
  async play(steps: readonly Step[], seed: number): Promise<string | null> {
    const ips = await this.#takeLane();
    const dir = join(this.#dir, String(this.#played++));
    const real = new RealStage(this.#server.tool, dir, ips);
    try {
      return await play(steps, new ModelStage(seed, this.#server.habits), real);
    } finally {
      await real.stop();
      rmSync(dir, { recursive: true, force: true });
      this.#giveLane(ips);
    }
  }

  #takeLane(): Promise<readonly string[]> {
    const ips = this.#lanes.pop();
    return ips === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(ips);
  }

  #giveLane(ips: readonly string[]): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#lanes.push(ips);
    else next(ips);
  }
}
