import { explain, isInLimbo, type AskedPod, type PeerStatus, type Position } from '@sentinel-micro/core';
import { hasAnswered, holderOf, type AnsweringPod } from './control/set.ts';

/** Why the pod that leads is no master that takes writes; null when it is one. */
function troubleOfLeader({ redis, phase, reason }: PeerStatus): string | null {
  if (redis.position?.role !== 'master') return `holds the lease, but its Redis is no master: ${reason}`;
  return phase === 'lead' ? null : `holds the lease, and is busy: ${reason}`;
}

/** Why a pod does not follow `leader` as it should; null when it does. */
function troubleOfFollower(position: Position, leader: AnsweringPod | null): string | null {
  if (position.role === 'master') return 'its Redis is a master, but it does not lead';
  if (isInLimbo(position)) return 'its Redis is in limbo, a replica of nobody';
  const { masterHost, masterPort, linkUp } = position;
  const { ip, redisPort } = leader?.status.from ?? {};
  if (leader !== null && (masterHost !== ip || masterPort !== redisPort)) {
    return `its Redis follows ${String(masterHost)}:${String(masterPort)}, and not ${String(leader.pod)}`;
  }
  return linkUp ? null : 'its link to the master is down';
}

function troubleOf(pod: AnsweringPod, leader: AnsweringPod | null, replicas: number): string | null {
  const { from, redis } = pod.status;
  if (from.replicas !== replicas) return `runs with --replicas ${String(from.replicas)} instead of ${String(replicas)}`;
  if (redis.position === null || redis.health !== 'up') return `its Redis is ${redis.health}: ${redis.reason}`;
  return pod === leader ? troubleOfLeader(pod.status) : troubleOfFollower(redis.position, leader);
}

/**
 * What keeps the set from being whole: each of the N pods answers and is up, one holds the lease and is master, and all others
 * follow it with their links up. Empty when it is.
 */
export function problemsOf(pods: readonly AskedPod[]): string[] {
  const { master, quorum } = explain(pods);
  const leader = master === null ? null : holderOf(pods);
  const absent = quorum.pods.filter(({ vote }) => vote === 'no');
  const present = pods.filter(hasAnswered).filter(({ pod: name }) => !absent.some(({ pod }) => pod === name));
  return [
    ...(master === null ? ['nobody holds the lease'] : []),
    ...absent.map(({ pod, reason }) => `${pod}: ${reason}`),
    ...present.flatMap((pod) => {
      const trouble = troubleOf(pod, leader, quorum.replicas);
      return trouble === null ? [] : [`${String(pod.pod)}: ${trouble}`];
    }),
  ];
}
