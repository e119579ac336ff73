import type { Machine, Network, Socket } from './network.ts';
import type { Process } from './process.ts';
import type { RedisCommand, RedisMessage, RedisReply } from './redis-protocol.ts';
import type { Timer } from './scheduler.ts';

/** An answer, or why there is none. */
export type CallResult = RedisReply | { readonly ok: false; readonly code: 'TIMEOUT' | 'CLOSED' };

interface Call {
  readonly timer: Timer;
  readonly done: (result: CallResult) => void;
}

export interface ClientTimeouts {
  readonly connectMs: number;
  readonly commandMs: number;
}

/** One connection to one Redis, as the adapters have it: never reconnects or repeats by itself; what times out may still be carried out. */
export class RedisClient {
  isOpen = true;
  onClose: () => void = () => undefined;
  readonly #process: Process;
  readonly #socket: Socket;
  readonly #commandMs: number;
  readonly #calls = new Map<number, Call>();
  #nextId = 1;

  private constructor(process: Process, socket: Socket, commandMs: number) {
    this.#process = process;
    this.#socket = socket;
    this.#commandMs = commandMs;
    socket.onMessage = (message) => this.#take(message as RedisMessage);
    socket.onClose = () => {
      this.isOpen = false;
      this.#failAll();
      this.onClose();
    };
  }

  static connect(
    network: Network,
    process: Process,
    from: Machine,
    ip: string,
    timeouts: ClientTimeouts,
    done: (client: RedisClient | null, error: 'refused' | 'timeout') => void,
  ): void {
    network.connect(process, from, ip, 'redis', timeouts.connectMs, (socket, error) => {
      done(socket === null ? null : new RedisClient(process, socket, timeouts.commandMs), error);
    });
  }

  get ip(): string {
    return this.#socket.remoteMachine?.ip ?? '';
  }

  call(command: RedisCommand, done: (result: CallResult) => void): void {
    if (!this.isOpen) {
      done({ ok: false, code: 'CLOSED' });
      return;
    }
    const id = this.#nextId++;
    const timer = this.#process.after(this.#commandMs, () => {
      this.#calls.delete(id);
      done({ ok: false, code: 'TIMEOUT' });
    });
    this.#calls.set(id, { timer, done });
    this.#socket.send({ kind: 'command', id, command } satisfies RedisMessage);
  }

  close(): void {
    this.isOpen = false;
    this.#socket.close();
    this.#failAll();
  }

  #take(message: RedisMessage): void {
    if (message.kind !== 'reply') return;
    const call = this.#calls.get(message.id);
    if (call === undefined) return;
    this.#calls.delete(message.id);
    call.timer.isCancelled = true;
    call.done(message.reply);
  }

  #failAll(): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const { timer, done } of calls) {
      timer.isCancelled = true;
      done({ ok: false, code: 'CLOSED' });
    }
  }
}
