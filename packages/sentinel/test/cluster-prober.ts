import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { nowMs, sleep, type Pod } from '@sentinel-micro/testkit';
import { tracked } from './cluster-helpers.ts';

/** What a Redis said when it was asked whether it takes a write. */
export interface Probe {
  readonly pod: Pod;
  /** On the clock of `nowMs`. The answer was given at some moment between the two. */
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
  readonly accepted: boolean;
  /** OK, READONLY, NOREPLICAS, ...; `closed` when the connection ended instead. */
  readonly answer: string;
}

/** A time in which one Redis took every write that it was offered. */
interface Spell {
  readonly pod: Pod;
  readonly fromMs: number;
  readonly untilMs: number;
}

const INTERVAL_MS = 2;
/** An answer that took longer says nothing about the time in between: the Redis was stopped, or held writes back. */
const CERTAIN_MS = 50;
/**
 * With XX a key that is never there is not set, so no data and no offset changes; but the command counts as a write, and
 * is refused wherever a write is refused.
 */
const QUESTION = 'SET there:is:no:such:key 1 XX\r\n';

/** Asks every Redis every few milliseconds whether it takes writes, and remembers every answer. */
export class Prober {
  readonly probes: Probe[] = [];
  readonly #pods: readonly Pod[];
  readonly #sockets = new Set<Socket>();
  readonly #finished: Promise<unknown>;
  #stopped = false;

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#finished = Promise.all(pods.map((pod) => this.#watch(pod)));
    tracked(this);
  }

  async stop(): Promise<this> {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
    await this.#finished;
    return this;
  }

  of(pod: Pod): Probe[] {
    return this.probes.filter((probe) => probe.pod === pod);
  }

  /** Whether the last thing that this Redis said was yes. */
  isTaking(pod: Pod): boolean {
    return this.of(pod).at(-1)?.accepted ?? false;
  }

  /** Whether the last thing that this Redis said was no; an ended connection says nothing. */
  isRefusing(pod: Pod): boolean {
    const last = this.of(pod).at(-1);
    return last !== undefined && !last.accepted && last.answer !== 'closed';
  }

  /** The last write that this Redis took within the bounds; undefined when there was none. */
  lastAccepted(pod: Pod, fromMs = 0, toMs = Infinity): Probe | undefined {
    return this.of(pod).findLast(
      ({ accepted, sentAtMs, answeredAtMs }) => accepted && sentAtMs >= fromMs && answeredAtMs <= toMs,
    );
  }

  firstAccepted(pod: Pod, fromMs = 0): Probe | undefined {
    return this.of(pod).find(({ accepted, sentAtMs }) => accepted && sentAtMs >= fromMs);
  }

  /** Empty when never two took writes; otherwise who did what. */
  doubles(): string {
    const doubles = this.#doubles();
    return doubles.length === 0 ? '' : `${doubles.length} writes too many: ${this.describe()}`;
  }

  /** Writes that one Redis took while another one certainly took writes too. */
  #doubles(): Probe[] {
    const spells = this.#pods.flatMap((pod) => this.#spellsOf(pod));
    return this.probes.filter(
      ({ pod, accepted, sentAtMs, answeredAtMs }) =>
        accepted &&
        spells.some((spell) => spell.pod !== pod && spell.fromMs <= sentAtMs && answeredAtMs <= spell.untilMs),
    );
  }

  /** From the first to the last moment in which two took writes; 0 when there was none. */
  overlapMs(): number {
    const times = this.#doubles().flatMap(({ sentAtMs, answeredAtMs }) => [sentAtMs, answeredAtMs]);
    return times.length === 0 ? 0 : Math.max(...times) - Math.min(...times);
  }

  /** For messages: who took writes from when until when, and what else was answered. */
  describe(): string {
    const startMs = this.probes[0]?.sentAtMs ?? 0;
    const seconds = (ms: number): string => ((ms - startMs) / 1000).toFixed(3);
    return this.#pods
      .map((pod) => {
        const spells = this.#spellsOf(pod).map(({ fromMs, untilMs }) => `${seconds(fromMs)}-${seconds(untilMs)}`);
        const answers = new Map<string, number>();
        for (const { answer } of this.of(pod)) answers.set(answer, (answers.get(answer) ?? 0) + 1);
        return `${pod.name} took writes at ${spells.join(', ')} s; ${[...answers].map(([a, n]) => `${a} ${n}`).join(', ')}`;
      })
      .join('\n');
  }

  #spellsOf(pod: Pod): Spell[] {
    const spells: Spell[] = [];
    let fromMs: number | undefined;
    let untilMs = 0;
    const end = (): void => {
      if (fromMs !== undefined && untilMs >= fromMs) spells.push({ pod, fromMs, untilMs });
      fromMs = undefined;
    };
    for (const { accepted, sentAtMs, answeredAtMs } of this.of(pod)) {
      if (!accepted || answeredAtMs - sentAtMs > CERTAIN_MS) end();
      if (!accepted) continue;
      fromMs ??= answeredAtMs;
      untilMs = sentAtMs;
    }
    end();
    return spells;
  }

  #isStopped(): boolean {
    return this.#stopped;
  }

  async #watch(pod: Pod): Promise<void> {
    while (!this.#stopped) {
      if (pod.exists) await this.#ask(pod).catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  }

  /** Asks over one connection until it ends. */
  async #ask(pod: Pod): Promise<void> {
    const { host, port, password } = pod.redisTarget;
    const socket = connect({ host, port, noDelay: true });
    this.#sockets.add(socket);
    const lines = linesOf(socket);
    try {
      if (password !== undefined) {
        socket.write(`AUTH ${password}\r\n`);
        await lines.next();
      }
      while (!this.#isStopped()) {
        const sentAtMs = nowMs();
        socket.write(QUESTION);
        const { value } = await lines.next();
        const answeredAtMs = nowMs();
        if (this.#isStopped()) return;
        const accepted = value === '$-1';
        const answer = accepted ? 'OK' : (value?.replace(/^-(\S+).*/, '$1') ?? 'closed');
        this.probes.push({ pod, sentAtMs, answeredAtMs, accepted, answer });
        if (value === undefined) return;
        await sleep(INTERVAL_MS);
      }
    } finally {
      socket.destroy();
      this.#sockets.delete(socket);
    }
  }
}

/** The lines that come in, one at a time; ends (or throws) with the connection. */
async function* linesOf(socket: Socket): AsyncGenerator<string, undefined> {
  let rest = '';
  for await (const chunk of socket.setEncoding('utf8')) {
    const lines = (rest + String(chunk)).split('\r\n');
    rest = lines.pop() ?? '';
    yield* lines;
  }
  return undefined;
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
