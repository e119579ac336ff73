import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  decide,
  deriveTimings,
  DEFAULT_TIMINGS,
  startNode,
  type Action,
  type Announcement,
  type Decision,
  type Input,
  type Lineage,
  type Memory,
  type NodeConfig,
  type NodeState,
  type OwnAction,
  type PeerAnswer,
  type PeerRequest,
  type PodIdentity,
  type Position,
  type ReplicationInfo,
} from '../src/index.ts';

export const PODS = [0, 1, 2].map((index) => asPodName(`redis-${String(index)}`));
export const TIMINGS = deriveTimings(DEFAULT_TIMINGS);

export function identity(index: number): PodIdentity {
  return {
    pod: asPodName(`redis-${String(index)}`),
    uid: `uid-${String(index)}`,
    incarnation: String(index).repeat(40),
    ip: `10.0.0.${String(index + 1)}`,
    redisPort: 6379,
    port: 26379,
    replicas: PODS.length,
  };
}

export function configOf(index: number, change: Partial<NodeConfig> = {}): NodeConfig {
  return {
    cluster: 'redis.ns/mymaster',
    self: identity(index),
    members: PODS,
    quorum: 2,
    timings: TIMINGS,
    writeQuorum: 'auto',
    durability: 'available',
    ...change,
  };
}

export const HISTORY = {
  replid: asReplicationId('a'.repeat(40)),
  replid2: null,
  secondReplOffset: null,
  offset: asOffset(0),
};

export const LINEAGE: Lineage = { ...HISTORY, ancestors: [] };

export function infoOf(change: Partial<ReplicationInfo> = {}): ReplicationInfo {
  return {
    runId: asRunId('1'.repeat(40)),
    role: 'replica',
    masterHost: '10.0.0.1',
    masterPort: 6379,
    linkUp: true,
    syncInProgress: false,
    lastIoSecondsAgo: 0,
    linkDownSinceSeconds: null,
    priority: 100,
    ...HISTORY,
    offset: asOffset(100),
    replicas: [],
    loading: false,
    keys: 1,
    ...change,
  };
}

export function positionOf(change: Partial<Position> = {}): Position {
  const { runId, role, masterHost, masterPort, linkUp, priority, lastIoSecondsAgo, keys, offset } = infoOf();
  const own = { runId, role, masterHost, masterPort, linkUp, priority, lastIoSecondsAgo, keys };
  return { ...HISTORY, ...own, offset, synced: true, intact: true, astray: false, ageMs: 0, ...change };
}

/** In step with this pod, which leads. */
export function following({ ip, redisPort }: PodIdentity): Partial<Position> {
  return { masterHost: ip, masterPort: redisPort };
}

export const LIMBO = { masterHost: '127.0.0.1', masterPort: 1, linkUp: false } as const;

export function announcementOf(index: number, term: number): Announcement {
  const { pod, uid, ip, redisPort } = identity(index);
  return {
    term: asTerm(term),
    pod,
    uid,
    ip,
    port: redisPort,
    runId: asRunId('0'.repeat(40)),
    isFounded: false,
    history: LINEAGE,
  };
}

type Body = PeerRequest extends infer Request
  ? Request extends PeerRequest
    ? Omit<Request, 'v' | 'cluster' | 'from' | 'term'>
    : never
  : never;

export function requestOf(index: number, term: number, body: Body, cluster = 'redis.ns/mymaster'): PeerRequest {
  return { v: 1, cluster, from: identity(index), term: asTerm(term), ...body };
}

export const renewal = (index: number, term: number): PeerRequest =>
  requestOf(index, term, { type: 'RENEW', announcement: announcementOf(index, term), ranking: [], members: [] });

/** One sidecar and its story: what happens to it, at what time, and what it does. */
export class Story {
  state: NodeState;
  nowMs: number;
  last: Decision | null = null;
  #nextRef = 1;

  constructor(config: NodeConfig, nowMs = 0, memory: Memory | null = null) {
    this.nowMs = nowMs;
    this.state = startNode(config, { nowMs, random: 0 }, memory);
  }

  after(delayMs: number): this {
    this.nowMs += delayMs;
    return this;
  }

  feed(input: Input): readonly Action[] {
    this.last = decide(this.state, input, { nowMs: this.nowMs, random: 0 });
    this.state = this.last.state;
    return this.last.actions;
  }

  tick(): readonly Action[] {
    return this.feed({ type: 'tick' });
  }

  redis(change: Partial<ReplicationInfo> = {}): readonly Action[] {
    return this.feed({ type: 'redis', sample: { outcome: 'info', info: infoOf(change) }, minReplicas: 1 });
  }

  /** A peer asks; what it is answered in this very decision, or null when it has to wait. */
  asked(request: PeerRequest): Extract<Action, { type: 'answer' }>['body'] | null {
    const ref = this.#nextRef++;
    const actions = this.feed({ type: 'request', ref, request });
    const answer = actions.find((action) => action.type === 'answer' && action.ref === ref);
    return answer?.type === 'answer' ? answer.body : null;
  }

  /** Every question in `actions` of the given type is granted by everybody, `delayMs` later. */
  granted(
    actions: readonly Action[],
    type: PeerRequest['type'],
    delayMs = 1,
    announcement: Announcement | null = null,
  ): readonly Action[] {
    this.after(delayMs);
    return questions(actions, type).flatMap(({ to, request, sentAtMs }) => {
      const index = PODS.indexOf(to);
      const answer: PeerAnswer = {
        v: 1,
        cluster: request.cluster,
        from: identity(index),
        term: request.term,
        type: 'granted',
        // Only a leader renews; who is asked for the lease still follows the master before.
        position: positionOf(type === 'RENEW' ? following(request.from) : {}),
        announcement,
        promises: [],
        members: [],
      };
      return [...this.feed({ type: 'answer', from: to, request, sentAtMs, answer })];
    });
  }

  /** Every question in `actions` of the given type is answered with a final position, one millisecond later. */
  frozen(
    actions: readonly Action[],
    position: (index: number) => Position | null,
    type: 'FREEZE' | 'DONATE' = 'FREEZE',
  ): readonly Action[] {
    this.after(1);
    return questions(actions, type).flatMap(({ to, request, sentAtMs }) => {
      const index = PODS.indexOf(to);
      const head = { v: 1, cluster: request.cluster, from: identity(index), term: request.term } as const;
      return [
        ...this.feed({
          type: 'answer',
          from: to,
          request,
          sentAtMs,
          answer: { ...head, type: 'frozen', position: position(index) },
        }),
      ];
    });
  }

  /** The newest order to the own Redis in `actions` ends well, leaving it as told. */
  done(actions: readonly Action[], kind: OwnAction['kind'], change: Partial<ReplicationInfo>): readonly Action[] {
    const order = [...actions].reverse().find((action) => action.type === 'own' && action.action.kind === kind);
    if (order?.type !== 'own') throw new Error(`no order to ${kind} in ${JSON.stringify(actions)}`);
    const { id, action } = order;
    return this.feed({ type: 'own-done', id, action, outcome: { ok: true, info: infoOf(change) } });
  }
}

export function questions(actions: readonly Action[], type?: PeerRequest['type']): Extract<Action, { type: 'ask' }>[] {
  return actions
    .filter((action) => action.type === 'ask')
    .filter((action) => type === undefined || action.request.type === type);
}

export function orders(actions: readonly Action[]): OwnAction['kind'][] {
  return actions.flatMap((action) => (action.type === 'own' ? [action.action.kind] : []));
}

/** redis-1 follows redis-0, which holds the lease of term 1. */
export function follower(change: Partial<NodeConfig> = {}): Story {
  const story = new Story(configOf(1, change));
  story.redis();
  story.after(TIMINGS.grantMs).asked(renewal(0, 1));
  return story;
}

/** redis-1 has won term 2 after redis-0's Redis died, and has frozen everybody. @returns the story and what it did last. */
export function elected(shown = (index: number): Position | null => (index === 0 ? null : positionOf())): {
  story: Story;
  actions: readonly Action[];
} {
  const story = follower();
  story.asked(requestOf(0, 1, { type: 'RELEASE', to: story.state.config.self.pod, cause: 'redis-dead' }));
  const asking = story.last?.actions ?? [];
  const freezing = story.granted(asking, 'ACQUIRE');
  const limbo = story.done(freezing, 'limbo', LIMBO);
  const actions = [...limbo, ...story.frozen(freezing, shown)];
  return { story, actions };
}

/** redis-1 leads under term 2. */
export function leader(): Story {
  const { story, actions } = elected();
  story.done(actions, 'promote', { role: 'master', masterHost: null, masterPort: null, linkUp: false });
  return story;
}

/** Time passes; the lease is renewed, and the own Redis looked at. @returns everything that was done. */
export function beats(story: Story, forMs: number, info: Partial<ReplicationInfo> = LIMBO): readonly Action[] {
  const done: Action[] = [];
  for (const untilMs = story.nowMs + forMs; story.nowMs < untilMs;) {
    const actions = story.after(TIMINGS.heartbeatMs - 1).redis(info);
    done.push(...actions, ...story.granted(actions, 'RENEW'));
  }
  return done;
}
