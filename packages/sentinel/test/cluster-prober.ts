import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Prober, linesOf, type Pod } from '@sentinel-micro/testkit';
import { tracked } from './cluster-helpers.ts';

/** Asks every Redis every few milliseconds whether it takes writes, until the story has ended. */
export function startProber(pods: readonly Pod[]): Prober {
  return tracked(new Prober(pods));
}

/** A client that does not wait for answers: what it has sent piles up in front of a Redis that is stopped. */
export class BurstOfWrites {
  readonly #socket: Socket;
  readonly #answers = new Map<string, number>();
  readonly #ended: Promise<void>;

  static async connect(pod: Pod): Promise<BurstOfWrites> {
    const { host, port } = pod.redisTarget;
    const socket = connect({ host, port, noDelay: true });
    await once(socket, 'connect');
    return new BurstOfWrites(socket);
  }

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#ended = this.#read().catch(() => undefined);
  }

  send(prefix: string, count: number): void {
    const commands = Array.from({ length: count }, (_, n) => `SET ${prefix}:${n} ${n}\r\n`);
    this.#socket.write(commands.join(''));
  }

  /** How often each answer was given before Redis ended the connection. */
  async answers(): Promise<Record<string, number>> {
    await this.#ended;
    return Object.fromEntries(this.#answers);
  }

  async #read(): Promise<void> {
    const lines = linesOf(this.#socket);
    for await (const line of lines) {
      const answer = line.replace(/^[-+](\S+).*/, '$1');
      this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1);
    }
  }
}

/** Remembers what is published on one channel of a sidecar. */
export class Subscriber {
  readonly messages: string[] = [];
  readonly #socket: Socket;
  readonly #finished: Promise<void>;

  static async start(pod: Pod, channel: string): Promise<Subscriber> {
    const { host, port } = pod.sidecarTarget;
    const socket = connect({ host, port, noDelay: true });
    const lines = linesOf(socket);
    socket.write(`*2\r\n$9\r\nSUBSCRIBE\r\n$${channel.length}\r\n${channel}\r\n`);
    // *3 $9 subscribe $N CHANNEL :1
    for (let n = 0; n < 6; n++) await lines.next();
    return tracked(new Subscriber(socket, lines));
  }

  private constructor(socket: Socket, lines: AsyncGenerator<string, undefined>) {
    this.#socket = socket;
    this.#finished = this.#read(lines).catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#socket.destroy();
    await this.#finished;
  }

  async #read(lines: AsyncGenerator<string, undefined>): Promise<void> {
    // *3 $7 message $N CHANNEL $N TEXT
    let n = 0;
    for await (const line of lines) if (++n % 7 === 0) this.messages.push(line);
  }
}
