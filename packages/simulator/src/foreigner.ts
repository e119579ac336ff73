import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  type AnswerBody,
  type PeerAnswer,
  type PeerRequest,
  type PeerStatus,
  type PodIdentity,
  type Position,
  type RequestBody,
} from '@sentinel-micro/core';
import type { Machine, Network, Socket } from './network.ts';
import type { PeerMessage } from './peers.ts';
import { Process } from './process.ts';
import type { Random } from './random.ts';
import { RedisModel, type RedisObserver } from './redis-model.ts';
import type { RedisSettings } from './redis-state.ts';

/** Values of the other cluster begin here: none of them may ever be seen in the set under test. */
export const FOREIGN_VALUES_FROM = 1_000_000_000;
/** Its name for itself. */
const OTHER_CLUSTER = 'somebody-else';
const WRITE_EVERY_MS = 100;
const ASK_EVERY_MS = 150;
const CONNECT_MS = 300;
const AT_FIRST = 5;

/** How the other cluster's sidecar behaves. */
export type ForeignSidecarKind =
  /** There is none: the Redis stands alone. */
  | 'none'
  /** It says who it is. */
  | 'honest'
  /** It says that it is a pod of the set under test; only its votes carry another cluster's name. */
  | 'disguised';

export interface ForeignerSettings {
  readonly sidecar: ForeignSidecarKind;
  /** Which pod of the set it has the name of: names repeat from one namespace to the next. */
  readonly podIndex: number;
}

interface ForeignerPlace extends ForeignerSettings {
  readonly ip: string;
  readonly slot: number;
}

/** What a foreigner needs of the world around it. */
interface Surroundings {
  readonly network: Network;
  readonly random: Random;
  readonly settings: { readonly redis: RedisSettings };
  readonly cluster: string;
  readonly pods: readonly { readonly exists: boolean; readonly machine: Machine }[];
  log(text: string): void;
  foreignerTouched(text: string): void;
  foreignerFeeds(redis: RedisModel, to: Socket): void;
}

/** A sidecar that votes for everybody and asks everybody for everything, in the name of another cluster. */
class ForeignSidecar extends Process {
  readonly #world: Surroundings;
  readonly #place: ForeignerPlace;
  readonly #redis: RedisModel;
  #nextId = 1;

  constructor(world: Surroundings, place: ForeignerPlace, redis: RedisModel) {
    super(world.network.scheduler);
    this.#world = world;
    this.#place = place;
    this.#redis = redis;
    redis.machine.services.set('sidecar', this);
    this.#pester();
  }

  override accept(socket: Socket): void {
    // It has another password, and so does not understand who asks.
    if (this.#world.settings.redis.hasPassword) {
      socket.close();
      return;
    }
    socket.onMessage = (raw) => {
      const message = raw as PeerMessage;
      if (message.kind === 'status') {
        socket.send({ kind: 'status-is', id: message.id, status: this.#status() } satisfies PeerMessage);
      } else if (message.kind === 'request') {
        const answer = this.#answerTo(message.request);
        socket.send({ kind: 'answer', id: message.id, answer } satisfies PeerMessage);
      }
    };
  }

  get #self(): PodIdentity {
    const { ip, podIndex } = this.#place;
    const uid = `foreign-${podIndex}`;
    return {
      pod: asPodName(`redis-${podIndex}`),
      uid,
      incarnation: uid,
      ip,
      redisPort: 6379,
      port: 26379,
      replicas: this.#world.pods.length,
    };
  }

  get #position(): Position {
    const { runId, replid, offset, data } = this.#redis;
    const history = { replid: asReplicationId(replid), replid2: null, secondReplOffset: null };
    const place = { runId: asRunId(runId), role: 'replica' as const, masterHost: '127.0.0.1', masterPort: 1 };
    const worth = {
      synced: true,
      intact: true,
      astray: false,
      keys: data.length,
      ageMs: 0,
      linkUp: false,
      lastIoSecondsAgo: 0,
    };
    return { ...history, ...place, ...worth, offset: asOffset(offset + 1_000_000), priority: 1 };
  }

  #status(): PeerStatus {
    const isDisguised = this.#place.sidecar === 'disguised';
    return {
      v: 1,
      cluster: isDisguised ? this.#world.cluster : OTHER_CLUSTER,
      from: this.#self,
      term: asTerm(1),
      role: 'follower',
      phase: null,
      reason: '',
      leaseHolder: null,
      leaseRemainingMs: 0,
      mutedForMs: 0,
      master: null,
      masterIsFresh: false,
      redis: { health: 'up', reason: '', position: null },
      members: [],
      ranking: [],
      refusedMessages: 0,
    };
  }

  /** Yes to whatever is asked. */
  #answerTo(request: PeerRequest): PeerAnswer {
    const envelope = { v: 1, cluster: OTHER_CLUSTER, from: this.#self, term: asTerm(request.term + 1000) } as const;
    const position = this.#position;
    const bodies: Record<'granted' | 'frozen' | 'ok', AnswerBody> = {
      granted: { type: 'granted', position, announcement: null, promises: [], members: [] },
      frozen: { type: 'frozen', position },
      ok: { type: 'ok' },
    };
    switch (request.type) {
      case 'PREVOTE':
      case 'ACQUIRE':
      case 'RENEW':
        return { ...envelope, ...bodies.granted };
      case 'RELEASE':
      case 'ANNOUNCE':
        return { ...envelope, ...bodies.ok };
      case 'FREEZE':
      case 'DONATE':
        return { ...envelope, ...bodies.frozen };
    }
  }

  /** Asks one pod after the other for the lease, to detach, to follow. */
  #pester(): void {
    const { network, random, pods } = this.#world;
    this.after(ASK_EVERY_MS, () => this.#pester());
    const { machine } = this.#redis;
    const present = pods.filter(({ exists }) => exists);
    if (present.length === 0) return;
    const target = random.pick(present).machine.ip;
    const { pod, uid, ip, redisPort: port } = this.#self;
    const { runId, replid, offset } = this.#redis;
    const term = asTerm(random.int(1, 1_000_000));
    const place = { replid: asReplicationId(replid), offset: asOffset(offset) };
    const history = { ...place, replid2: null, secondReplOffset: null, ancestors: [] };
    const announcement = { term, pod, uid, ip, port, runId: asRunId(runId), isFounded: false, history };
    const bodies: readonly RequestBody[] = [
      { type: 'PREVOTE' },
      { type: 'ACQUIRE' },
      { type: 'RENEW', announcement, ranking: [pod], members: [] },
      { type: 'FREEZE' },
      { type: 'RELEASE', to: pod, cause: 'redis-dead' },
      { type: 'ANNOUNCE', announcement },
    ];
    const request: PeerRequest = { v: 1, cluster: OTHER_CLUSTER, from: this.#self, term, ...random.pick(bodies) };
    network.connect(this, machine, target, 'sidecar', CONNECT_MS, (socket) => {
      if (socket === null) return;
      socket.send({ kind: 'request', id: this.#nextId++, request } satisfies PeerMessage);
      this.after(CONNECT_MS, () => socket.close());
    });
  }
}

/** One pod of another cluster in the same network: its Redis, which takes writes all the time, and its sidecar. */
export class Foreigner implements RedisObserver {
  readonly machine: Machine;
  readonly redis: RedisModel;
  readonly #world: Surroundings;
  readonly #sidecar: ForeignSidecar | null;
  #nextValue: number;
  #isPresent = true;

  constructor(world: Surroundings, place: ForeignerPlace) {
    this.#world = world;
    const { ip, slot } = place;
    this.machine = { slot, ip, realm: 'foreign', isUp: true, wallOffsetMs: 0, services: new Map() };
    world.network.add(this.machine);
    this.#nextValue = FOREIGN_VALUES_FROM + slot * 1_000_000;
    const boot = { masterHost: '127.0.0.1', masterPort: 1, minReplicas: 0, priority: 100, snapshot: null, loadMs: 0 };
    this.redis = new RedisModel(world.network, world.random, this.machine, world.settings.redis, boot, this);
    this.redis.replicaOfByHand(null);
    for (let written = 0; written < AT_FIRST; written += 1) this.#write();
    this.#sidecar = place.sidecar === 'none' ? null : new ForeignSidecar(world, place, this.redis);
    this.#writeOn();
  }

  get isHere(): boolean {
    return this.machine.isUp;
  }

  leave(): void {
    this.#world.log(`*** the foreign Redis at ${this.machine.ip} is gone`);
    this.redis.kill();
    this.#sidecar?.kill();
    this.#world.network.remove(this.machine);
    this.#isPresent = false;
  }

  /** Nobody of the set under test has any business with this Redis. */
  roleChanged(redis: RedisModel, text: string): void {
    if (this.#isPresent && !redis.isMaster)
      this.#world.foreignerTouched(`the foreign Redis at ${this.machine.ip} ${text}`);
  }

  fullSyncStarted(from: RedisModel, to: Socket): void {
    this.#world.foreignerFeeds(from, to);
  }

  #write(): void {
    this.redis.append(60, this.#nextValue);
    this.#nextValue += 1;
  }

  #writeOn(): void {
    this.redis.after(WRITE_EVERY_MS, () => {
      this.#write();
      this.#writeOn();
    });
  }
}
