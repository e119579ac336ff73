import { connect, type Socket } from 'node:net';
import { linesOf } from './lines.ts';
import type { Pod } from './pod.ts';
import type { RedisTarget } from './redis-client.ts';
import { nowMs, sleep } from './time.ts';

/** What can be watched: a Pod, a pod of containers. */
export interface Probed {
  readonly name: string;
  readonly exists: boolean;
  readonly redisTarget: RedisTarget;
}

/** What a Redis said when it was asked whether it takes a write. */
export interface Probe<P extends Probed = Pod> {
  readonly pod: P;
  /** On the clock of `nowMs`. The answer was given at some moment between the two. */
  readonly sentAtMs: number;
  readonly answeredAtMs: number;
  readonly accepted: boolean;
  /** OK, READONLY, NOREPLICAS, ...; `closed` when the connection ended instead. */
  readonly answer: string;
}

/** A time in which one Redis took every write that it was offered. */
interface Spell<P extends Probed> {
  readonly pod: P;
  readonly fromMs: number;
  readonly untilMs: number;
}

const INTERVAL_MS = 2;
/** An answer that took longer says nothing about the time in between: the Redis was stopped, or held writes back. */
const CERTAIN_MS = 50;
/** Two times in which two took writes are one when no more than this lies between them. */
const SAME_EPISODE_MS = 500;
/** A prober that was forgotten ends here: five pods for an hour. */
const MAX_PROBES = 9_000_000;
/**
 * With XX a key that is never there is not set, so no data and no offset changes; but the command counts as a write, and
 * is refused wherever a write is refused.
 */
const QUESTION = 'SET there:is:no:such:key 1 XX\r\n';

/** Asks every Redis every few milliseconds whether it takes writes, and remembers every answer. */
export class Prober<P extends Probed = Pod> {
  readonly probes: Probe<P>[] = [];
  readonly #pods: P[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #watches: Promise<unknown>[] = [];
  #stopped = false;

  /** Starts at once, and asks until `stop`. */
  constructor(pods: readonly P[]) {
    for (const pod of pods) this.watch(pod);
  }

  /** Asks this one too, from now on. */
  watch(pod: P): void {
    this.#pods.push(pod);
    this.#watches.push(this.#watch(pod));
  }

  async stop(): Promise<this> {
    this.#stopped = true;
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#watches);
    return this;
  }

  of(pod: P): Probe<P>[] {
    return this.probes.filter((probe) => probe.pod === pod);
  }

  /** Whether the last thing that this Redis said was yes. */
  isTaking(pod: P): boolean {
    return this.#last(pod)?.accepted ?? false;
  }

  /** Whether the last thing that this Redis said was no; an ended connection says nothing. */
  isRefusing(pod: P): boolean {
    const last = this.#last(pod);
    return last !== undefined && !last.accepted && last.answer !== 'closed';
  }

  /** The last write that this Redis took within the bounds; undefined when there was none. */
  lastAccepted(pod: P, fromMs = 0, toMs = Infinity): Probe<P> | undefined {
    return this.of(pod).findLast(
      ({ accepted, sentAtMs, answeredAtMs }) => accepted && sentAtMs >= fromMs && answeredAtMs <= toMs,
    );
  }

  firstAccepted(pod: P, fromMs = 0): Probe<P> | undefined {
    return this.of(pod).find(({ accepted, sentAtMs }) => accepted && sentAtMs >= fromMs);
  }

  /** Empty when never two took writes; otherwise who did what. */
  doubles(): string {
    const doubles = this.#doubles();
    return doubles.length === 0 ? '' : `${doubles.length} writes too many: ${this.describe()}`;
  }

  /** Writes that one Redis took while another one certainly took writes too. */
  #doubles(): Probe<P>[] {
    const spells = this.#pods.flatMap((pod) => this.#spellsOf(pod));
    return this.probes.filter(
      ({ pod, accepted, sentAtMs, answeredAtMs }) =>
        accepted &&
        spells.some((spell) => spell.pod !== pod && spell.fromMs <= sentAtMs && answeredAtMs <= spell.untilMs),
    );
  }

  /** The longest time in which two took writes, from its first to its last moment; 0 when there was none. */
  overlapMs(): number {
    const moments = this.#doubles().flatMap(({ sentAtMs, answeredAtMs }) => [sentAtMs, answeredAtMs]);
    moments.sort((a, b) => a - b);
    let longestMs = 0;
    let [fromMs = 0] = moments;
    let beforeMs = fromMs;
    for (const atMs of moments) {
      // Short gaps count: this process itself may have been kept from asking.
      if (atMs - beforeMs > SAME_EPISODE_MS) fromMs = atMs;
      longestMs = Math.max(longestMs, atMs - fromMs);
      beforeMs = atMs;
    }
    return longestMs;
  }

  /**
   * Questions that waited in front of a Redis (it was stopped, or held writes back) and were accepted at a moment when
   * another one took writes. Each stands for all the writes that waited there with it.
   */
  queuedAcceptances(): Probe<P>[] {
    const spells = this.#pods.flatMap((pod) => this.#spellsOf(pod));
    return this.probes.filter(
      ({ pod, accepted, sentAtMs, answeredAtMs }) =>
        accepted &&
        answeredAtMs - sentAtMs > CERTAIN_MS &&
        spells.some((spell) => spell.pod !== pod && spell.fromMs <= answeredAtMs && answeredAtMs <= spell.untilMs),
    );
  }

  /** How often a Redis that had been a replica (it said READONLY) began to take writes. */
  promotions(): number {
    return this.#promoted().length;
  }

  /** The promotions of another Redis than the one that took writes before: one that is promoted again has not moved. */
  moves(): number {
    return this.#promoted().filter(({ pod, before }) => pod !== before).length;
  }

  /** Who began to take writes after having been a replica, and who took them before. */
  #promoted(): { readonly pod: P; readonly before: P | undefined }[] {
    const promoted: { pod: P; before: P | undefined }[] = [];
    const replicas = new Set<P>();
    let before: P | undefined;
    for (const { pod, accepted, answer } of this.probes) {
      if (answer === 'READONLY') replicas.add(pod);
      if (!accepted) continue;
      if (replicas.delete(pod)) promoted.push({ pod, before });
      before = pod;
    }
    return promoted;
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

  #last(pod: P): Probe<P> | undefined {
    return this.probes.findLast((probe) => probe.pod === pod);
  }

  #spellsOf(pod: P): Spell<P>[] {
    const spells: Spell<P>[] = [];
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
    return this.#stopped || this.probes.length >= MAX_PROBES;
  }

  async #watch(pod: P): Promise<void> {
    while (!this.#isStopped()) {
      if (pod.exists) await this.#ask(pod).catch(() => undefined);
      await sleep(INTERVAL_MS);
    }
  }

  /** Asks over one connection until it ends. */
  async #ask(pod: P): Promise<void> {
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
