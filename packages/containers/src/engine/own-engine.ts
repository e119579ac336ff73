import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ManagedProcess, TestkitError, findTool, waitUntilTrue } from '@sentinel-micro/testkit';
import { Docker } from './docker.ts';
import { engineEnvironment, engineTools } from './tools.ts';

export interface OwnEngineOptions {
  /** Where images and containers are kept: on a disk. */
  readonly dataDir: string;
  /** For sockets: its path has to be short. */
  readonly socketDir: string;
  /** The parent of all control groups of the containers. */
  readonly cgroup: string;
  /** What leads to the registries, `http://HOST:PORT`. */
  readonly proxy: string;
}

const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;

/** A docker daemon that this program has started, in a network and with processes of its own. */
export class OwnEngine {
  readonly docker: Docker;
  readonly #process: ManagedProcess;

  /** @throws TestkitError PROCESS_FAILED, TIMEOUT with the end of its log. */
  static async start(options: OwnEngineOptions): Promise<OwnEngine> {
    const engine = new OwnEngine(options);
    const what = { what: 'the container engine to answer', timeoutMs: START_TIMEOUT_MS, intervalMs: 100 };
    try {
      await waitUntilTrue(() => engine.#answers(), what);
      return engine;
    } catch (error) {
      const log = engine.#process.logTail(20).join('\n');
      await engine.stop();
      throw new TestkitError('PROCESS_FAILED', `the container engine did not start:\n${log}`, { cause: error });
    }
  }

  private constructor({ dataDir, socketDir, cgroup, proxy }: OwnEngineOptions) {
    const { dockerd, docker } = engineTools();
    const host = `unix://${join(socketDir, 'engine.sock')}`;
    // A command line without the settings of whoever started us: their credentials and contexts are none of its business.
    const config = join(socketDir, 'config');
    mkdirSync(config, { recursive: true });
    this.docker = new Docker({ ...docker, env: { ...docker.env, DOCKER_CONFIG: config, DOCKER_BUILDKIT: '0' }, host });
    const links = join(socketDir, 'bin');
    mkdirSync(links);
    const iptables = findTool('iptables');
    // It is one program under many names, and does what its name says.
    if (iptables !== undefined) symlinkSync(iptables.command, join(links, 'iptables'));
    const env = engineEnvironment(dockerd, [links]);
    // On a command line it would be seen by all.
    const settings = join(socketDir, 'daemon.json');
    writeFileSync(settings, '{}\n');
    const storage = ['--data-root', dataDir, '--exec-root', join(socketDir, 'exec')];
    const place = ['--host', host, '--pidfile', join(socketDir, 'pid'), '--config-file', settings];
    this.#process = ManagedProcess.start({
      name: 'dockerd',
      command: dockerd.command,
      args: [...storage, ...place, '--cgroup-parent', cgroup],
      env: { ...env, ...iptables?.env, HTTPS_PROXY: proxy, HTTP_PROXY: proxy },
      cwd: dirname(dataDir),
      logFile: join(dirname(dataDir), 'dockerd.log'),
    });
  }

  async #answers(): Promise<boolean> {
    if (!this.#process.isAlive()) throw new TestkitError('PROCESS_FAILED', `dockerd ${this.#process.describeExit()}`);
    return (await this.docker.end(['version'], { timeoutMs: 5000 })).code === 0;
  }

  /** Ends it, and its containers with it. */
  async stop(): Promise<void> {
    await this.#process.stop(STOP_TIMEOUT_MS);
  }
}
