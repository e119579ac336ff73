import { asTerm, type AskedPod, type MemberView, type PeerStatus, type Position } from '../src/index.ts';
import { announcementOf, identity, positionOf } from './support.ts';

const HOLDER = { pod: identity(0).pod, uid: identity(0).uid };
export const MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false, priority: null } as const;

/** How the one who leads sees another pod. */
export function memberOf(index: number, change: Partial<MemberView> = {}): MemberView {
  const { pod: name, ip, redisPort } = identity(index);
  const { runId, priority, linkUp, lastIoSecondsAgo } = positionOf();
  const told = { runId, offset: 100, priority, linkUp, lastIoSecondsAgo };
  return { pod: name, ip, port: redisPort, ...told, isReachable: true, ...change };
}

export interface Change extends Partial<PeerStatus> {
  readonly position?: Partial<Position> | null;
}

/** One pod of a set in which redis-0 leads under term 4, and all others follow it. */
export function pod(index: number, { position = {}, ...change }: Change = {}): AskedPod {
  const from = identity(index);
  const isLeader = index === 0;
  const status: PeerStatus = {
    v: 1,
    cluster: 'redis.ns/mymaster',
    from,
    term: asTerm(4),
    role: isLeader ? 'holder' : 'follower',
    phase: isLeader ? 'lead' : null,
    reason: isLeader ? 'master of term 4' : 'following redis-0',
    leaseHolder: HOLDER,
    leaseRemainingMs: 1900,
    mutedForMs: 0,
    master: announcementOf(0, 4),
    masterIsFresh: true,
    redis: {
      health: position === null ? 'down' : 'up',
      reason: position === null ? 'connection refused' : 'answers',
      position: position === null ? null : positionOf({ ...(isLeader ? MASTER : {}), ...position }),
    },
    members: [1, 2].map((other) => memberOf(other)),
    ranking: [1, 2].map((other) => identity(other).pod),
    refusedMessages: 0,
    ...change,
  };
  return { ip: from.ip, pod: from.pod, status, error: null };
}

/** One whose sidecar does not answer. */
export function silent(index: number): AskedPod {
  const { ip, pod: name } = identity(index);
  return { ip, pod: name, status: null, error: 'connecting: no answer in time' };
}
