// What speaks against taking it that there is no master: somebody who can not be asked, or a replica that hears one.
import { namesOf, sourceOf, type ReachableInstance, type Scene } from './promotion-scene.ts';

/** A master pings its replicas every 10 s (`repl-ping-replica-period`): a link that is silent for longer is up in name only. */
const SILENT_LINK_SECONDS = 12;
/** Until a link to a master that hangs counts as silent, and then a little. */
const HUNG_MASTER_SETTLE_MS = (SILENT_LINK_SECONDS + 3) * 1000;
/** Until a replica that was busy when its master died has noticed it. */
const DEAD_LINK_SETTLE_MS = 2000;

export function lockedReason(scene: Scene): string {
  const each = scene.locked.map(({ endpoint, reason }) => `${endpoint} (${reason})`).join(', ');
  return `it can not be told whether there is a master already, for this answers but can not be asked: ${each}. --force goes ahead`;
}

/** A master that is not seen from here, but that a replica says it hears: it may be alive. */
export function claimOf(
  scene: Scene,
  replicas: readonly ReachableInstance[],
): { reason: string; settleMs: number } | null {
  const heard = replicas.filter((replica) => {
    const { linkUp, lastIoSecondsAgo } = replica.info;
    if (!linkUp || (lastIoSecondsAgo !== null && lastIoSecondsAgo > SILENT_LINK_SECONDS)) return false;
    return sourceOf(replica, scene.instances)?.state !== 'reachable';
  });
  const [first] = heard;
  if (first === undefined) return null;
  const source = sourceOf(first, scene.instances);
  const master = source?.endpoint ?? `${String(first.info.masterHost)}:${String(first.info.masterPort)}`;
  const where = source === null ? 'which is not among the endpoints' : 'which does not answer here';
  return {
    reason: `${namesOf(heard)} still have a link to the master ${master}, ${where}: it may well be alive. ${source === null ? 'Name it too, or go' : 'Go'} ahead with --force`,
    settleMs: source === null ? DEAD_LINK_SETTLE_MS : HUNG_MASTER_SETTLE_MS,
  };
}
