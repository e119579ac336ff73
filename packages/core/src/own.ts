import type { OwnAction, Outcome } from './action.ts';
import { rememberLoss } from './chronicle.ts';
import { endDonation, isDonating, restoreWriteQuorum, UNREACHABLE_MIN_REPLICAS } from './donate.ts';
import { nextHealth, type RedisSample } from './health.ts';
import { isUnknownToFounder } from './founding.ts';
import { isSameHolder } from './lease.ts';
import { historyOf } from './lineage.ts';
import { lossFields, lossTowards } from './loss.ts';
import type { Announcement } from './messages.ts';
import { isInLimbo, LIMBO_HOST, LIMBO_PORT, type ReplicationInfo } from './replication-info.ts';
import type { NodeState, OwnRedis } from './state.ts';
import {
  isKept,
  knowsItsSize,
  note,
  orderOwn,
  patchOwn,
  podsOfOtherSize,
  wakeAt,
  watchOwn,
  type Turn,
} from './turn.ts';
import { isAnnouncementFresh, isLost, isMasterLost, renewalOverdueAtMs, usesStore } from './view.ts';

/** How long to wait before the same thing is ordered of the own Redis again, in milliseconds. */
const RETRY_MS = 300;
/**
 * How long a Redis that nobody protects yet may keep a new replica waiting before it begins to copy, in milliseconds:
 * repl-diskless-sync-delay is 5 s by default, and Redis counts whole seconds and looks once in each.
 */
const FIRST_COPY_MS = 7000;
/** How often a Redis that was just pointed at its master is asked until it is in step, in milliseconds. */
const SYNC_POLL_MS = 50;
/** How long a Redis that was just pointed at its master may take until it is linked, in milliseconds. */
const LINK_MS = 500;
/** How long to wait before a fence that Redis refused is tried again, in milliseconds. */
const FENCE_RETRY_MS = 20;

/** Takes in one look at the own Redis. */
export function takeSample(turn: Turn, sample: RedisSample, minReplicas: number | null): void {
  const { own, config } = turn.state;
  const health = nextHealth(own.health, sample, turn.nowMs, config.timings.downAfterMs);
  if (health.state !== own.health.state && (health.state === 'down' || own.health.state !== 'suspect')) {
    const level = health.state === 'down' || sample.outcome === 'error' ? 'warn' : 'info';
    note(turn, level, `redis-${health.state}`, `Redis of this pod is ${health.state}: ${health.reason}`);
  }
  if (sample.outcome === 'info') {
    patchOwn(turn, minReplicas === null ? { health } : { health, minReplicas });
    takeInfo(turn, sample.info);
    return;
  }
  patchOwn(turn, { health });
  if (sample.outcome === 'refused') {
    // The process is gone, and what it had in memory with it.
    patchOwn(turn, { info: null, synced: false, minReplicas: null });
  }
}

/**
 * Takes in what INFO says, and what follows from it for the worth of the data.
 * @param isPromoted that it is a master now was ordered
 */
export function takeInfo(turn: Turn, info: ReplicationInfo, isPromoted = false): void {
  const { own } = turn.state;
  const isNewProcess = info.runId !== own.runId;
  if (isNewProcess && own.runId !== null) {
    note(
      turn,
      'warn',
      'redis-restarted',
      'Redis of this pod has restarted: its data counts only after it has resynced',
    );
  }
  // What is a master now was not told to donate.
  if (isNewProcess) endDonation(turn);
  const inStep = info.linkUp && !info.syncInProgress && !info.loading && followsTheMaster(turn, info);
  // A full sync throws the old data away, and may break off; when nobody saw it, the offset has gone back. (A process that
  // loads its own file when it starts loses nothing.)
  const wentBack = own.info !== null && info.offset < own.info.offset;
  const losesData = !isNewProcess && (info.syncInProgress || wentBack || (info.loading && own.info?.loading === false));
  patchOwn(turn, {
    info,
    infoAtMs: turn.nowMs,
    runId: info.runId,
    priority: info.priority ?? own.priority,
    lastMaster: lastMasterOf(info) ?? own.lastMaster,
    hasWriters: info.role === 'master' || (own.hasWriters && !isNewProcess),
    synced: inStep || (isFedByAnother(turn, info) ? false : nextSynced(own, isNewProcess, losesData)),
    astray: !inStep && !isPromoted && (own.astray || isNewlyMaster(turn, info)),
    unannounced: !inStep && !isPromoted && (own.unannounced || isMetAsAnothers(own, info)),
    hasBegunToCopy: info.syncInProgress || (own.hasBegunToCopy && !isNewProcess),
  });
}

/** Whoever is promoted by a sidecar is announced, and that is remembered before anybody hears of it. */
function isMetAsAnothers({ runId, remembered }: OwnRedis, info: ReplicationInfo): boolean {
  return runId === null && info.role === 'master' && remembered !== null && remembered !== info.runId;
}

function isNewlyMaster(turn: Turn, info: ReplicationInfo): boolean {
  const { own, donating } = turn.state;
  return info.role === 'master' && own.info?.role === 'replica' && own.promotingId === null && donating === null;
}

function lastMasterOf(info: ReplicationInfo): OwnRedis['lastMaster'] {
  const { role, masterHost: ip, masterPort: port } = info;
  const isNobody = role === 'master' || ip === null || port === null || (ip === LIMBO_HOST && port === LIMBO_PORT);
  return isNobody ? null : { ip, port, history: historyOf(info) };
}

/** In step means in step with the announced master; a sidecar that knows of none takes whatever its Redis follows. */
function followsTheMaster(turn: Turn, info: ReplicationInfo): boolean {
  const { announcement } = turn.state;
  if (info.role !== 'replica') return false;
  return announcement === null || (info.masterHost === announcement.ip && info.masterPort === announcement.port);
}

/**
 * Found by a sidecar that has just started, linked to somebody else than the announced master, by hand say: it has what that one has,
 * which may be less than it had. (Whoever watches it all the time sees that.)
 */
function isFedByAnother(turn: Turn, info: ReplicationInfo): boolean {
  const isFed = turn.state.own.runId === null && info.role === 'replica' && info.linkUp && !isInLimbo(info);
  return isFed && turn.state.announcement !== null && !followsTheMaster(turn, info);
}

function nextSynced(own: OwnRedis, isNewProcess: boolean, losesData: boolean): boolean | null {
  if (!isNewProcess) return losesData ? false : own.synced;
  // The first process that a sidecar meets may be older than the sidecar.
  return own.runId === null ? null : false;
}

/** Takes in how an order to the own Redis ended. */
export function takeOwnOutcome(turn: Turn, id: number, action: OwnAction, outcome: Outcome): void {
  const { own } = turn.state;
  if (own.pending?.id === id) patchOwn(turn, { pending: null });
  if (own.promotingId === id) patchOwn(turn, { promotingId: null });
  if (outcome.ok) {
    patchOwn(turn, { failure: null });
    // It may have been made a master by hand since the last look: that is not forgotten with the order that ends it.
    const isNews = own.pending?.id === id && own.infoAtMs <= own.pending.sinceMs;
    if (outcome.before !== undefined && isNews) takeInfo(turn, outcome.before);
    if (outcome.info !== null) takeInfo(turn, outcome.info, action.kind === 'promote' || action.kind === 'donate');
    if ((action.kind === 'limbo' || action.kind === 'follow') && action.cutClients)
      patchOwn(turn, { hasWriters: false });
    if (action.kind === 'donate') patchOwn(turn, { minReplicas: UNREACHABLE_MIN_REPLICAS });
    if (action.kind === 'set-min-replicas') patchOwn(turn, { minReplicas: action.count });
    if (action.kind === 'promote' && action.minReplicas !== null) patchOwn(turn, { minReplicas: action.minReplicas });
    return;
  }
  const failure = `${action.kind} of the own Redis failed: ${outcome.error}`;
  // A fence is tried again every few milliseconds: the same failure is told once.
  if (failure !== own.failure) note(turn, 'warn', 'redis-order-failed', failure);
  patchOwn(turn, { failure });
  switch (action.kind) {
    case 'limbo':
      patchOwn(turn, { fenceRetryAtMs: turn.nowMs + FENCE_RETRY_MS });
      return;
    case 'promote':
      // It may have been carried out all the same: it counts as a master until Redis itself says otherwise.
      if (own.info !== null) patchOwn(turn, { info: { ...own.info, role: 'master' }, hasWriters: true });
      return;
    case 'set-min-replicas':
      // Redis does not let us: asking again would not help. It is read again on the next connection.
      patchOwn(turn, { minReplicas: null });
      return;
    case 'follow':
    case 'donate':
    case 'pause-writes':
    case 'unpause':
    case 'sample':
      return;
  }
}

function mayOrder(turn: Turn): boolean {
  const { own } = turn.state;
  if (own.pending !== null || own.health.state !== 'up') return false;
  if (own.retryAtMs <= turn.nowMs) return true;
  wakeAt(turn, own.retryAtMs);
  return false;
}

/** Detaches the own Redis into limbo, unless it is there or already on its way. @returns true when it is in limbo now. */
export function holdInLimbo(turn: Turn, why: string): boolean {
  const { own } = turn.state;
  if (own.info !== null && isInLimbo(own.info) && own.pending === null) return own.promotingId === null;
  if (own.pending?.action.kind === 'limbo' || own.info === null) return false;
  // What is sent to a Redis that hangs only piles up; the order that counts was sent when it began to hang.
  if (own.health.state === 'down') return false;
  if (turn.nowMs < own.fenceRetryAtMs) {
    wakeAt(turn, own.fenceRetryAtMs);
    return false;
  }
  // A fence does not wait for anything else that is under way. What has been sent takes effect before it; of a promotion a part may
  // still have to be sent, so a fence counts only when that has ended (`promotingId`).
  const isRetry = own.failure?.startsWith('limbo') === true;
  if (!isRetry) note(turn, 'info', 'limbo', `detaching the own Redis from everybody: ${why}`);
  orderOwn(turn, { kind: 'limbo', why, cutClients: own.hasWriters, atOnce: false });
  return false;
}

function follow(turn: Turn, master: Announcement): void {
  const { own } = turn.state;
  const { info } = own;
  if (info === null || !mayOrder(turn)) return;
  if (info.role === 'replica' && info.masterHost === master.ip && info.masterPort === master.port) return;
  if (isUnknownToFounder(info, master)) {
    keepFromFounder(turn, info, master);
    return;
  }
  const loss = lossTowards(info, master);
  if (info.role === 'master' || !isInLimbo(info) || loss.kind !== 'none') {
    note(turn, 'warn', 'repoint', `the own Redis ${placeOf(info)}; pointing it at the master ${master.pod}`, {
      term: master.term,
      ...lossFields(loss),
    });
  }
  rememberLoss(turn, loss);
  const why = `${master.pod} is master of term ${String(master.term)}`;
  orderOwn(turn, { kind: 'follow', ip: master.ip, port: master.port, why, cutClients: own.hasWriters });
  patchOwn(turn, { retryAtMs: turn.nowMs + RETRY_MS });
}

/** A person has to decide what is to become of it, unless the founder gives way. */
function keepFromFounder(turn: Turn, info: ReplicationInfo, master: Announcement): void {
  const text = `the own Redis has ${String(info.keys)} keys, but ${master.pod} was promoted empty, when this pod could not be seen: not following it, for that would throw them away`;
  if (turn.state.own.keptFrom !== master.pod) note(turn, 'error', 'data-kept', text, { term: master.term });
  patchOwn(turn, { keptFrom: master.pod });
  holdInLimbo(turn, `${master.pod} was promoted empty, and this Redis has data`);
}

function placeOf(info: ReplicationInfo): string {
  if (info.role === 'master') return 'is a master without a lease';
  if (info.masterHost === LIMBO_HOST && info.masterPort === LIMBO_PORT) return 'is in limbo';
  return `follows ${String(info.masterHost)}:${String(info.masterPort)}`;
}

/**
 * Its data counts from the moment at which it is seen in step with the master, so after it was pointed there it is looked at more
 * often than once in a heartbeat: the master may die right then.
 */
function watchSync(turn: Turn): void {
  const { own, config } = turn.state;
  const pointedAtMs = own.retryAtMs - RETRY_MS;
  const isNew = own.retryAtMs > 0 && turn.nowMs - pointedAtMs < config.timings.leaseMs;
  if (!isNew || own.info?.role !== 'replica' || own.info.linkUp) return;
  watchOwn(turn, SYNC_POLL_MS);
}

/**
 * Follows the master, but not into the dark: a Redis whose link is down connects again by itself to whoever has the address
 * now. So when the master's sidecar is silent as well, the replica is detached until that sidecar speaks again. As long as the
 * link is up it leads to the right process, whatever became of the sidecar. A sidecar whose connection has ended is silent until it
 * is reached again: a renewal that comes in meanwhile may have been on its way when its pod, and with it the address, was given up.
 */
function followUnlessSilent(turn: Turn, master: Announcement): void {
  const { own, config } = turn.state;
  const overdueAtMs = renewalOverdueAtMs(turn.state);
  const isSilent = isMasterLost(turn.state) || turn.nowMs >= overdueAtMs;
  const isLinked = own.info?.linkUp === true || own.info?.syncInProgress === true;
  // It was heard when the own Redis was pointed at it, and a link takes a while on a bad network. (Redis by itself tries once a second.)
  const linkDueAtMs = own.retryAtMs - RETRY_MS + LINK_MS;
  const isLinking = own.info !== null && !isInLimbo(own.info) && turn.nowMs < linkDueAtMs;
  if (!isSilent) wakeAt(turn, overdueAtMs);
  else if (isLinking) wakeAt(turn, linkDueAtMs);
  if (!isSilent || isLinking || (isLinked && own.infoAtMs >= overdueAtMs)) {
    follow(turn, master);
    watchSync(turn);
    return;
  }
  if (isLinked) {
    // The link is known only as of the last INFO, which may be older than the silence.
    watchOwn(turn, config.timings.heartbeatMs / 4);
    return;
  }
  holdInLimbo(turn, `the link to the master ${master.pod} is down, and its sidecar is silent`);
}

/**
 * Keeps the own Redis converged while this pod does not hold the lease: a replica of the announced master while that
 * master's lease is alive; in limbo when it has been dead for a while; never a master.
 */
function convergeFollower(turn: Turn): void {
  const { state, nowMs } = turn;
  const { own, announcement, config } = state;
  if (own.info === null || state.freezing.length > 0 || isDonating(turn)) return;
  restoreWriteQuorum(turn);
  if (!isToFollow(turn, own.info)) return;
  if (announcement !== null && isAnnouncementFresh(state, nowMs)) {
    if (announcement.pod !== config.self.pod) followUnlessSilent(turn, announcement);
    else if (announcement.uid !== config.self.uid)
      holdInLimbo(turn, 'the announced master is an earlier pod of this name');
    return;
  }
  if (own.info.role === 'master') {
    fenceWithoutLease(turn);
    return;
  }
  if (isInLimbo(own.info)) return;
  const isLinked = own.info.linkUp || own.info.syncInProgress;
  if (!isLinked) {
    leaveTheUnheard(turn, own.info);
    return;
  }
  if (announcement === null) return;
  // A sidecar that has just started has not heard the renewals that were sent before.
  const heardUntilMs = Math.max(state.announcedUntilMs, state.startedAtMs + config.timings.grantMs);
  const detachAtMs = heardUntilMs + config.timings.detachGraceMs;
  // While N is being changed the holder may be one that does not count this pod, and does not renew here.
  if (podsOfOtherSize(state).length > 0) return;
  if (nowMs >= detachAtMs) holdInLimbo(turn, `the lease of the master ${announcement.pod} has run out`);
  else wakeAt(turn, detachAtMs);
}

/**
 * A pod that is not counted, not yet or not any more, follows nobody: a write that only it and the master have would count for WAIT,
 * and no election would ask it. One that does not know by what to count leaves things as it finds them.
 */
function isToFollow(turn: Turn, info: ReplicationInfo): boolean {
  const { state } = turn;
  if (state.resizing === null || info.role === 'master') return true;
  if (!knowsItsSize(state)) return !(info.linkUp || info.syncInProgress || isInLimbo(info));
  if (isKept(state)) return true;
  holdInLimbo(turn, 'this pod is not counted: a write that only it has would be confirmed, and lost with the master');
  return false;
}

/** How long after its start a sidecar has surely met those that are there. */
function firstContactMs({ startedAtMs, config }: NodeState): number {
  return startedAtMs + config.timings.requestTimeoutMs * 2;
}

/** A pod that is gone, as far as this one can tell: anybody may be given its address. */
function isGoneFrom(state: NodeState, host: string | null): boolean {
  const peer = Object.values(state.peers).find((one) => one?.identity?.ip === host);
  return (peer?.identity != null && isLost(state, peer.identity)) || isUnnamed(state, host);
}

/** DNS does not name it, though it names others of the set; or a copy from it has broken off, so it may have gone since. */
function isUnnamed({ addresses, config, own }: NodeState, host: string | null): boolean {
  const isNumeric = host !== null && /^\d+(\.\d+){3}$/.test(host);
  const isToldOfOthers = addresses.ips.some((ip) => ip !== config.self.ip);
  return isNumeric && (isToldOfOthers || own.hasBegunToCopy) && !addresses.ips.includes(host);
}

/**
 * A running set gets its sidecars one by one (ADR 8): nobody has ever led, and the Redis, started as a replica of the master that the
 * others follow, has not been linked in its life: that one may just not have begun to copy.
 */
function firstCopyMs(state: NodeState): number {
  const { announcement, term, own } = state;
  const isFirst = announcement === null && term === 0 && own.info?.linkDownSinceSeconds === null;
  return isFirst && !isGoneFrom(state, own.info.masterHost) ? own.health.sinceMs + FIRST_COPY_MS : 0;
}

/**
 * No lease is known, and the link to whoever was followed is down. A living holder would have been heard of; without one, the address
 * may be anybody's by the time that it answers again.
 */
function leaveTheUnheard(turn: Turn, info: ReplicationInfo): void {
  const sureAtMs = Math.max(firstContactMs(turn.state), firstCopyMs(turn.state));
  if (turn.nowMs < sureAtMs) wakeAt(turn, sureAtMs);
  else holdInLimbo(turn, `nobody is heard who leads, and the link to ${String(info.masterHost)} is down`);
}

/** What has to be so while this pod does not hold the lease. A candidate's Redis is left as it is, unless it takes writes. */
export function convergeWithoutLease(turn: Turn): void {
  const { role, own } = turn.state;
  if (role.kind === 'follower') convergeFollower(turn);
  else if (own.info?.role === 'master') fenceWithoutLease(turn);
}

/** Can this pod be heard by those whose votes the lease needs? */
function isInTouch({ state, nowMs }: Turn): boolean {
  const { timings, quorum, self } = state.config;
  const recentMs = timings.requestTimeoutMs * 2;
  if (usesStore(state)) {
    const record = state.store.sighting?.record;
    const isAnothers = record?.kind === 'lease' && !isSameHolder(record.lease.holder, self);
    return !isAnothers && nowMs - state.store.answeredAtMs < recentMs;
  }
  const heard = Object.values(state.peers).filter(
    (peer) => peer?.answeredAtMs !== null && peer !== undefined && nowMs - peer.answeredAtMs < recentMs,
  ).length;
  return heard + 1 >= quorum;
}

/**
 * A writable Redis whose pod holds no lease. Just after its sidecar has started, it may still be the rightful master, and
 * gets the chance to win its lease again, but only while a quorum of pods can be heard, or the store: alone, it has to stop.
 */
function fenceWithoutLease(turn: Turn): void {
  const { state, nowMs } = turn;
  const { timings } = state.config;
  const graceEndsMs = state.startedAtMs + timings.grantMs + timings.detachGraceMs;
  if (nowMs < graceEndsMs && (isInTouch(turn) || nowMs < firstContactMs(state))) {
    wakeAt(turn, Math.min(graceEndsMs, nowMs + timings.heartbeatMs));
    return;
  }
  holdInLimbo(turn, 'a master without a lease must not take writes');
}
