import type { Decision, NodeState } from '@sentinel-micro/core';
import type { KubeApi, ObjectReference, OwnerReference } from '@sentinel-micro/kubernetes';
import type { Clock, Logger } from '@sentinel-micro/runtime';
import type { ApiTrouble, AskedOf } from './api-trouble.ts';
import { noteHappenings, planEvents, startBook, takeEventReply, type EventBook, type EventCall } from './event-book.ts';
import { happeningsOf } from './happenings.ts';

const MOST_SLEEP_MS = 60_000;
/** How long the owner of the pod is not asked for again after that failed, in milliseconds. */
const OWNER_RETRY_MS = 10_000;

export interface EventWriterConfig {
  readonly pod: string;
  readonly uid: string;
  readonly incarnation: string;
  readonly statefulSet: string;
}

export interface EventWriterPorts {
  readonly api: Pick<KubeApi, 'namespace' | 'readPod' | 'createEvent' | 'patchEvent'>;
  readonly clock: Clock;
  /** Milliseconds since 1970, for people. */
  readonly wallMs: () => number;
  readonly random: () => number;
  readonly trouble: ApiTrouble;
  readonly logger: Logger;
}

const referenceTo = ({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): ObjectReference => ({
  ...{ apiVersion, kind, name, uid },
  namespace,
});

/** Writes Events of what this sidecar decides: one call at a time, and never more than the book allows. */
export class EventWriter {
  readonly #config: EventWriterConfig;
  readonly #ports: EventWriterPorts;
  #book: EventBook;
  /** The StatefulSet of this pod; undefined until it is known, null when there is none. */
  #set: ObjectReference | null | undefined = undefined;
  #ownerRetryAtMs = -Infinity;
  #writing: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(config: EventWriterConfig, ports: EventWriterPorts) {
    this.#config = config;
    this.#ports = ports;
    const { pod, incarnation } = config;
    this.#book = startBook({ podName: pod, incarnation, namespace: ports.api.namespace }, ports.clock.now());
  }

  onDecided(decision: Decision, before: NodeState): void {
    const happenings = happeningsOf(before, decision);
    if (happenings.length === 0 || this.#isClosed) return;
    const { clock, wallMs } = this.#ports;
    this.#book = noteHappenings(this.#book, happenings, clock.now(), wallMs());
    setImmediate(() => void this.#write());
  }

  /** Writes what is still to be written, as far as that can be done within `budgetMs`. */
  async close(budgetMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const isOver = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#ports.trouble.isAway ? 0 : budgetMs);
    });
    await Promise.race([this.#writing ?? this.#write(), isOver]);
    clearTimeout(timer);
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  /** Writes until nothing is due. @returns when it is done; never throws */
  #write(): Promise<void> {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null;
    });
    return this.#writing;
  }

  async #writeAll(): Promise<void> {
    await this.#findSet();
    let plan = this.#plan();
    while (plan.call !== null) {
      await this.#make(plan.call);
      plan = this.#plan();
    }
    this.#sleepUntil(this.#set === undefined ? Math.min(plan.wakeAtMs, this.#ownerRetryAtMs) : plan.wakeAtMs);
  }

  #sleepUntil(atMs: number): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#isClosed || atMs === Infinity) return;
    const sleepMs = Math.min(MOST_SLEEP_MS, Math.max(1, Math.ceil(atMs - this.#ports.clock.now())));
    this.#timer = setTimeout(() => void this.#write(), sleepMs);
  }

  #plan(): { readonly call: EventCall | null; readonly wakeAtMs: number } {
    if (this.#isClosed) return { call: null, wakeAtMs: Infinity };
    const { pod: name, uid } = this.#config;
    const { api, clock } = this.#ports;
    const pod = { apiVersion: 'v1', kind: 'Pod', namespace: api.namespace, name, uid };
    const { book, call, wakeAtMs } = planEvents(this.#book, { pod, set: this.#set ?? null }, clock.now());
    this.#book = book;
    return { call, wakeAtMs };
  }

  async #make(call: EventCall): Promise<void> {
    const { write } = call;
    const { api, clock, random, trouble } = this.#ports;
    const asked: AskedOf = { verb: write.kind, resource: 'events', name: null };
    try {
      await (write.kind === 'create' ? api.createEvent(write.event) : api.patchEvent(write.name, write.event));
      trouble.succeeded(asked);
      this.#book = takeEventReply(this.#book, call, { ok: true }, { nowMs: clock.now(), random: random() });
    } catch (error) {
      const reply = { ok: false, ...trouble.failed(asked, error) } as const;
      this.#book = takeEventReply(this.#book, call, reply, { nowMs: clock.now(), random: random() });
    }
  }

  /** The pod tells whose it is: the UID of the StatefulSet, which an Event has to name, needs no further permission. */
  async #findSet(): Promise<void> {
    const { pod, statefulSet } = this.#config;
    const { api, clock, trouble, logger } = this.#ports;
    if (this.#set !== undefined || clock.now() < this.#ownerRetryAtMs) return;
    const asked: AskedOf = { verb: 'get', resource: 'pods', name: pod };
    try {
      const { metadata } = await api.readPod(pod);
      trouble.succeeded(asked);
      const owner = metadata.ownerReferences?.find(({ kind, name }) => kind === 'StatefulSet' && name === statefulSet);
      this.#set = owner === undefined ? null : referenceTo(owner, api.namespace);
      const text = `${pod} is not of the StatefulSet ${statefulSet} (--statefulset): Events are written on the pod alone`;
      if (this.#set === null) logger.log('warn', 'kubernetes', text);
    } catch (error) {
      const { status } = trouble.failed(asked, error);
      this.#ownerRetryAtMs = clock.now() + OWNER_RETRY_MS;
      if (status === 403 || status === 404) this.#set = null;
    }
  }
}
