import { execFile } from 'node:child_process';
import type { ClientOrders, Found, Wait } from './orders.ts';
import type { CreateClient, Waited, WriteClient } from './write-client.ts';

/** For one call of redis-cli, which has no time-out of its own. */
const CALL_TIMEOUT_MS = 2000;
const ANSWER_LIMIT_BYTES = 1 << 20;

export function redisCli(): CreateClient {
  return (orders) => new RedisCliClient(orders);
}

interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * A loop as in a shell script: asks the sidecars one after the other who the master is, and keeps writing there until a
 * write fails.
 */
class RedisCliClient implements WriteClient {
  readonly #orders: ClientOrders;
  #master: Address | undefined;

  constructor(orders: ClientOrders) {
    this.#orders = orders;
  }

  async find(): Promise<Found> {
    const { sentinels, masterName, redisCli } = this.#orders;
    const master = await this.#findMaster();
    const [first = master] = sentinels;
    const lines = await this.#call(first, [['sentinel', 'replicas', masterName]]);
    const values = (field: string): string[] =>
      lines.flatMap((line, index) => (line === field ? (lines[index + 1] ?? '') : []));
    const ports = values('port');
    const replicas = values('ip').map((ip, index) => `${ip}:${ports[index] ?? '?'}`);
    const version = await run(redisCli.command, ['--version'], redisCli.env, '');
    return { master: `${master.host}:${master.port}`, replicas, library: version.trim() };
  }

  async set(key: string, value: string): Promise<void> {
    await this.#writing(async (master) => {
      const [answer] = await this.#call(master, [['set', key, value]]);
      failUnlessOk(answer);
    });
  }

  /** One call, and so one connection. */
  async setAndWait(key: string, value: string, wait: Wait): Promise<Waited> {
    return this.#writing(async (master) => {
      const commands = [
        ['set', key, value],
        ['wait', String(wait.replicas), String(wait.timeoutMs)],
      ];
      const [set, waited] = await this.#call(master, commands);
      failUnlessOk(set);
      return /^\d+$/.test(waited ?? '') ? { replicas: Number(waited) } : { replicas: 0, reason: waited ?? 'no answer' };
    });
  }

  close(): void {
    this.#master = undefined;
  }

  async #writing<T>(write: (master: Address) => Promise<T>): Promise<T> {
    this.#master ??= await this.#findMaster();
    try {
      return await write(this.#master);
    } catch (error) {
      this.#master = undefined;
      throw error;
    }
  }

  async #findMaster(): Promise<Address> {
    const { sentinels, masterName } = this.#orders;
    let reason = 'there are no sidecars';
    for (const sidecar of sentinels) {
      try {
        const [host = '', port = ''] = await this.#call(sidecar, [['sentinel', 'get-master-addr-by-name', masterName]]);
        if (port !== '') return { host, port: Number(port) };
        reason = host === '' ? 'no master is known' : host;
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
      }
    }
    throw new Error(`no sidecar names a master: ${reason}`);
  }

  /** The answers, one line each. @throws Error when redis-cli fails or takes too long. */
  async #call({ host, port }: Address, commands: readonly (readonly string[])[]): Promise<string[]> {
    const { redisCli, password } = this.#orders;
    // In the environment: arguments can be seen by everybody on the machine.
    const env = { ...redisCli.env, ...(password === undefined ? {} : { REDISCLI_AUTH: password }) };
    const input = commands.map((words) => `${words.join(' ')}\n`).join('');
    const answer = await run(redisCli.command, ['-h', host, '-p', String(port)], env, input);
    return answer.split('\n').filter((line) => line !== '');
  }
}

function failUnlessOk(answer: string | undefined): void {
  // It ends well without a word when the server goes away.
  if (answer === undefined) throw new Error('redis-cli says nothing');
  if (answer !== 'OK') throw new Error(answer);
}

function run(command: string, args: string[], env: Readonly<Record<string, string>>, input: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = {
      env: { ...env },
      timeout: CALL_TIMEOUT_MS,
      killSignal: 'SIGKILL',
      maxBuffer: ANSWER_LIMIT_BYTES,
    } as const;
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`redis-cli ${error.killed === true ? 'took too long' : 'failed'}: ${stderr.trim()}`));
    });
    // It may have ended before it has read everything.
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}
