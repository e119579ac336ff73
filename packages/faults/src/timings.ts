// The times of the protocol with the flags as they are by default, in milliseconds (docs/ARCHITECTURE.md, "The lease").

export const LEASE_MS = 2000;
/** How long a voter keeps its promise. */
export const GRANT_MS = 2250;
const HEARTBEAT_MS = 200;
const DOWN_AFTER_MS = 1000;
/** A Redis that does not answer for so long is surely not held for down: it is asked once in a heartbeat. */
export const NOT_DOWN_MS = DOWN_AFTER_MS - 2 * HEARTBEAT_MS;
/**
 * `min-replicas-max-lag 2`: Redis compares whole seconds, so a replica counts until it has been silent for up to three, and
 * Redis counts once a second.
 */
const SILENT_FENCE_MS = 4000;

/** A dead Redis is noticed at once; nobody waits for a time-out. The rest is for slow machines. */
export const FAST_MS = 1500;
/** How long an election waits for those who have not shown their data (`--data-wait-ms`). */
export const DATA_WAIT_MS = 3000;

/** Enough for a lease to run out, an election, and a while with the new master. */
export const LONG_MS = 8000;
/** How long the new master is left alone before the old one is let back. */
export const AFTERWARDS_MS = 1500;

/** A silent master that has moved more often than this within five minutes is waited for (L1 in docs/GUARANTEES.md). */
export const FREE_MOVES = 3;

/**
 * With a frozen sidecar the detached replicas are what stops the old master; where it can be reached, it notices within
 * milliseconds. The rest is for slow machines.
 */
export const REACHABLE_FENCE_MS = 50;

/** With a frozen sidecar in a silent network: the old master stops by itself, the others wait for their promises to end. */
export const SILENT_OVERLAP_MS = SILENT_FENCE_MS - (GRANT_MS - HEARTBEAT_MS);

/**
 * A Redis that wakes up finds the order to stop in its queue, behind some of the writes that have piled up there. It
 * takes those few; with milliseconds to be expected, the rest is for slow machines.
 */
export const WAKE_UP_MS = 200;
