import {
  asOffset,
  asPodName,
  asReplicationId,
  asRunId,
  asTerm,
  type Announcement,
  type Answer,
  type BootstrapObservation,
  type PeerObservation,
  type ReplicationInfo,
  type SidecarView,
} from '../src/index.ts';

export const CLUSTER = 'redis.shop/mymaster';
const MEMBERS = [0, 1, 2].map((index) => asPodName(`redis-${String(index)}`));
export const SELF = { pod: asPodName('redis-0'), ip: '10.0.0.10' };
export const IP_1 = '10.0.0.11';
export const IP_2 = '10.0.0.12';

export const runIdOf = (name: string): ReturnType<typeof asRunId> => asRunId(name.padEnd(40, '0'));
export const silent: Answer<never> = { ok: false, reason: 'no answer within 500 ms' };
export const answered = <Value>(value: Value): Answer<Value> => ({ ok: true, value });

function info(change: Partial<ReplicationInfo>): Answer<ReplicationInfo> {
  return answered({
    runId: runIdOf('a'),
    role: 'replica',
    masterHost: '127.0.0.1',
    masterPort: 1,
    linkUp: false,
    syncInProgress: false,
    lastIoSecondsAgo: null,
    linkDownSinceSeconds: null,
    priority: 100,
    replid: asReplicationId('1'.repeat(40)),
    replid2: null,
    secondReplOffset: null,
    offset: asOffset(100),
    replicas: [],
    loading: false,
    keys: 1,
    ...change,
  });
}

export const master = (run = 'm', change: Partial<ReplicationInfo> = {}): Answer<ReplicationInfo> =>
  info({ role: 'master', masterHost: null, masterPort: null, runId: runIdOf(run), ...change });
export const follower = (ip: string, change: Partial<ReplicationInfo> = {}): Answer<ReplicationInfo> =>
  info({ masterHost: ip, masterPort: 6379, linkUp: true, runId: runIdOf('f'), ...change });
/** As a pod is after its start. */
export const inLimbo = info({});

export function announcement(change: Partial<Announcement> = {}): Announcement {
  return {
    term: asTerm(7),
    pod: asPodName('redis-1'),
    uid: 'uid-1',
    ip: IP_1,
    port: 6379,
    runId: runIdOf('m'),
    isFounded: false,
    history: {
      replid: asReplicationId('1'.repeat(40)),
      replid2: null,
      secondReplOffset: null,
      offset: asOffset(1),
      ancestors: [],
    },
    ...change,
  };
}

export function says(pod: string, named: Announcement | null, change: Partial<SidecarView> = {}): Answer<SidecarView> {
  return answered({
    cluster: CLUSTER,
    from: { pod: asPodName(pod) },
    master: named,
    masterIsFresh: named !== null,
    ...change,
  });
}

export function peer(ip: string, sidecar: Answer<SidecarView> | null, redis: Answer<ReplicationInfo>): PeerObservation {
  return { ip, redisPort: 6379, podName: null, sidecar, redis };
}

export function seen(
  peers: readonly PeerObservation[],
  change: Partial<BootstrapObservation> = {},
): BootstrapObservation {
  return { self: SELF, cluster: CLUSTER, members: MEMBERS, dnsProblem: null, peers, ...change };
}

/** redis-1 is master, redis-2 follows, redis-0 starts. */
export const HEALTHY = seen([
  peer(IP_1, says('redis-1', announcement()), master()),
  peer(IP_2, says('redis-2', announcement()), follower(IP_1)),
]);
