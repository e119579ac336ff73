import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ManagedProcess, type ProcessHost } from '../managed-process.ts';
import { TestkitError } from '../errors.ts';
import { waitUntil } from '../time.ts';
import { runScript } from './shell.ts';

export interface HostOptions {
  readonly name: string;
  readonly ip: string;
  /** Folder for its resolv.conf and log. */
  readonly dir: string;
  /** What its processes read as /etc/resolv.conf; undefined leaves the machine's. */
  readonly resolvConf?: string | undefined;
}

const START_TIMEOUT_MS = 10_000;

/**
 * A machine of its own as far as processes can tell: network, address, mounts. One process keeps it alive; when that ends
 * with all that run in it, the kernel takes it down.
 */
export class Host implements ProcessHost {
  readonly name: string;
  readonly ip: string;
  readonly #readiness = `ready-${randomUUID()}`;
  readonly #holder: ManagedProcess;

  /** @throws TestkitError PROCESS_FAILED or TIMEOUT with what was printed. */
  static async start(options: HostOptions): Promise<Host> {
    const host = new Host(options);
    try {
      await host.#waitUntilReady();
      return host;
    } catch (error) {
      await host.remove();
      throw error;
    }
  }

  private constructor({ name, ip, dir, resolvConf }: HostOptions) {
    this.name = name;
    this.ip = ip;
    // The log may be there from an earlier host of the same name and address.
    const ready = `echo ${this.#readiness}`;
    const steps = ['exec sleep infinity'];
    if (resolvConf !== undefined) {
      const file = join(dir, `${name}.resolv.conf`);
      writeFileSync(file, resolvConf);
      steps.unshift(`mount --bind '${file}' /etc/resolv.conf`, ready);
    } else {
      steps.unshift(ready);
    }
    const inside = ['/bin/sh', '-ec', steps.join('\n')];
    this.#holder = ManagedProcess.start({
      name: `host ${name}`,
      command: '/usr/bin/unshare',
      args: ['--net', '--mount', '--', ...inside],
      cwd: dir,
      logFile: join(dir, `${name}-${ip}.log`),
    });
  }

  /** The process that keeps it alive. */
  get pid(): number {
    const { pid } = this.#holder;
    if (pid === undefined) throw new TestkitError('PROCESS_FAILED', `host ${this.name} is not there`);
    return pid;
  }

  /** What stands before a command that shall run in it; all by exec, so the process id stays. */
  get enter(): readonly string[] {
    return ['/usr/bin/nsenter', '--target', String(this.pid), '--net', '--mount', '--'];
  }

  /** Runs a short shell script in it as root. @throws as `runScript`. */
  run(script: string): Promise<string> {
    return runScript(script, this.enter);
  }

  /** Ends it. What runs in it must have been ended before: it would keep the network alive. */
  async remove(): Promise<void> {
    await this.#holder.killAndWait();
  }

  async #waitUntilReady(): Promise<void> {
    const ready = await waitUntil(
      () => {
        if (this.#holder.logTail(1).includes(this.#readiness)) return true;
        return this.#holder.isAlive() ? undefined : false;
      },
      { what: `host ${this.name}`, timeoutMs: START_TIMEOUT_MS, intervalMs: 2 },
    );
    if (ready) return;
    const printed = this.#holder.logTail(5).join('\n');
    throw new TestkitError('PROCESS_FAILED', `host ${this.name} ${this.#holder.describeExit()}: ${printed}`);
  }
}
