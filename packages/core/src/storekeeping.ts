import { asTerm, NO_TERM, type PodName, type Term } from './brand.ts';
import { isSameHolder } from './lease.ts';
import { learn } from './learn.ts';
import type { Announcement } from './messages.ts';
import { newerAnnouncement } from './position.ts';
import type { Input, NodeState, StoreView } from './state.ts';
import { releaseLease } from './step-down.ts';
import {
  isSameRecord,
  storeEveryMs,
  type StoredLease,
  type StoreOutcome,
  type StoreRecord,
  type StoreRequest,
} from './store.ts';
import { note, patch, takeId, wakeAt, type CandidateRole, type HolderRole, type Turn } from './turn.ts';
import { overdueAtMs, usesStore } from './view.ts';

type Purpose = NonNullable<StoreView['pending']>['purpose'];
type Pending = NonNullable<StoreView['pending']>;

/** A question to the store, and what for. */
interface Wanted {
  readonly purpose: Purpose;
  readonly term: Term;
  readonly request: StoreRequest;
}

/** The store of a sidecar that has just started. */
export const UNASKED_STORE: StoreView = {
  sighting: null,
  isStale: false,
  askedAtMs: -Infinity,
  readAtMs: -Infinity,
  answeredAtMs: -Infinity,
  pending: null,
  holdOffUntilMs: -Infinity,
  failedAtMs: -Infinity,
  trouble: null,
  releasing: null,
  givenBack: [],
};

function patchStore(turn: Turn, change: Partial<StoreView>): void {
  patch(turn, { store: { ...turn.state.store, ...change } });
}

/** The lease in the record, when it is this pod's, also of an earlier life of its sidecar. */
function ownLease({ store, config }: NodeState): StoredLease | null {
  const record = store.sighting?.record;
  return record?.kind === 'lease' && isSameHolder(record.lease.holder, config.self) ? record.lease : null;
}

/** What this pod writes about itself. */
function leaseOf(state: NodeState, term: Term, announcement: Announcement | null): StoredLease {
  const { self, timings, members } = state.config;
  const { pod, uid, incarnation } = self;
  const { grantMs } = timings;
  const holder = { pod, uid, incarnation };
  return { holder, isReleased: false, to: null, term, grantMs, replicas: members.length, announcement };
}

const READ: Wanted = { purpose: 'read', term: NO_TERM, request: { do: 'read' } };

function writeOf(record: StoreRecord, purpose: Purpose, lease: StoredLease): Wanted {
  return { purpose, term: lease.term, request: { do: 'write', version: record.version, lease } };
}

/** Has the holder something to say there that the others should not have to wait for? */
function isNews(lease: StoredLease, written: StoredLease): boolean {
  const [now, then] = [lease.announcement, written.announcement];
  return (
    lease.term !== written.term ||
    lease.replicas !== written.replicas ||
    now?.pod !== then?.pod ||
    now?.runId !== then?.runId ||
    now?.isFounded !== then?.isFounded ||
    now?.history.replid !== then?.history.replid
  );
}

function wantedByHolder(turn: Turn, role: HolderRole): Wanted | null {
  const { state, nowMs } = turn;
  const { store, announcement, config } = state;
  const record = store.sighting?.record;
  if (record === undefined || store.isStale) return READ;
  const everyMs = storeEveryMs(config.timings);
  const writtenAtMs = role.stored?.atMs ?? -Infinity;
  const lease = leaseOf(state, role.term, announcement);
  const own = ownLease(state);
  const isDue = own === null || own.isReleased || isNews(lease, own) || nowMs >= writtenAtMs + everyMs;
  const nextLookMs = store.askedAtMs + everyMs;
  // Somebody else's is left alone: he may clear it away.
  if (record.kind === 'foreign' && nowMs >= nextLookMs) return READ;
  if (isDue && record.kind !== 'foreign') return writeOf(record, 'renew', lease);
  wakeAt(turn, record.kind === 'foreign' ? nextLookMs : writtenAtMs + everyMs);
  return null;
}

function wantedByCandidate({ state }: Turn, role: CandidateRole): Wanted | null {
  const { store } = state;
  const record = store.sighting?.record;
  if (record === undefined || store.isStale || store.readAtMs < role.sinceMs) return READ;
  if (role.stored !== 'wanted') return null;
  return writeOf(record, 'acquire', leaseOf(state, role.term, newerAnnouncement(state.announcement, role.newest)));
}

/** What is left of a lease that this pod has given back. */
function wantedForRelease(turn: Turn, { term, to, sinceMs }: NonNullable<StoreView['releasing']>): Wanted | null {
  const { store, config } = turn.state;
  const record = store.sighting?.record;
  const isOver = turn.nowMs >= sinceMs + config.timings.grantMs;
  if (!isOver && (record === undefined || store.isStale)) return READ;
  const own = ownLease(turn.state);
  if (isOver || record === undefined || own === null || own.isReleased || own.term > term) {
    patchStore(turn, { releasing: null });
    return null;
  }
  const { announcement } = turn.state;
  return writeOf(record, 'release', { ...leaseOf(turn.state, term, announcement), isReleased: true, to });
}

/** While nobody is heard who leads, the record is watched: how long it has stood unchanged is what counts later. */
function wantedByFollower(turn: Turn): Wanted | null {
  const { store, config, stopping } = turn.state;
  const release = store.releasing === null ? null : wantedForRelease(turn, store.releasing);
  if (release !== null || stopping) return release;
  const dueMs = Math.max(overdueAtMs(turn.state, turn.nowMs), store.askedAtMs + storeEveryMs(config.timings));
  if (turn.nowMs >= dueMs) return READ;
  wakeAt(turn, dueMs);
  return null;
}

function wantedNow(turn: Turn): Wanted | null {
  const { role } = turn.state;
  switch (role.kind) {
    case 'holder':
      return wantedByHolder(turn, role);
    case 'candidate':
      return wantedByCandidate(turn, role);
    case 'follower':
      return wantedByFollower(turn);
  }
}

/** Asks the store what is to be asked now: one question at a time, so that its answers have an order. */
export function progressStore(turn: Turn): void {
  const { store } = turn.state;
  if (!usesStore(turn.state) || store.pending !== null) return;
  if (turn.nowMs < store.holdOffUntilMs) {
    wakeAt(turn, store.holdOffUntilMs);
    return;
  }
  const wanted = wantedNow(turn);
  if (wanted === null) return;
  const { purpose, term, request } = wanted;
  const id = takeId(turn);
  patchStore(turn, { pending: { id, purpose, term }, askedAtMs: turn.nowMs });
  turn.actions.push({ type: 'store', id, sentAtMs: turn.nowMs, request });
}

/** Takes in the answer to a question; one to an older question says nothing any more. */
export function takeStore(turn: Turn, input: Extract<Input, { type: 'store-done' }>): void {
  const { pending } = turn.state.store;
  if (pending === null || pending.id !== input.id) return;
  patchStore(turn, { pending: null });
  const { outcome, sentAtMs } = input;
  if (outcome.kind !== 'away') patchStore(turn, { answeredAtMs: turn.nowMs });
  switch (outcome.kind) {
    case 'record':
      takeRecord(turn, outcome.record, sentAtMs);
      takeWritten(turn, pending, outcome.record, sentAtMs);
      return;
    case 'conflict':
      // It has changed, so what was seen of it before is over.
      patchStore(turn, { sighting: null, isStale: true, failedAtMs: turn.nowMs });
      fail(turn, pending);
      return;
    case 'away':
    case 'refused':
      takeTrouble(turn, pending, outcome);
      fail(turn, pending);
      return;
  }
}

function takeRecord(turn: Turn, record: StoreRecord, sentAtMs: number): void {
  const { sighting, trouble } = turn.state.store;
  if (trouble !== null) note(turn, 'info', 'store-back', 'the lease store answers again');
  patchStore(turn, { readAtMs: sentAtMs, isStale: false, trouble: null });
  if (isSameRecord(sighting?.record ?? null, record)) return;
  patchStore(turn, { sighting: { record, seenAtMs: turn.nowMs } });
  if (record.kind === 'foreign' || record.kind === 'broken') note(turn, 'error', 'store-record', record.why);
  if (record.kind !== 'lease') return;
  const { lease } = record;
  if (lease.term > turn.state.term) patch(turn, { term: asTerm(lease.term) });
  learn(turn, lease.announcement);
}

/** What a write, or the look of a holder, means for the role of this pod. */
function takeWritten(turn: Turn, { purpose, term }: Pending, record: StoreRecord, sentAtMs: number): void {
  const { role, config } = turn.state;
  const stored = { atMs: sentAtMs, replicas: record.kind === 'lease' ? record.lease.replicas : 0 };
  switch (purpose) {
    case 'acquire':
      if (role.kind === 'candidate' && role.term === term && role.stored === 'wanted') {
        patch(turn, { role: { ...role, stored } });
        patchStore(turn, { releasing: null });
      } else giveBackLater(turn, term, null);
      return;
    case 'renew':
      if (role.kind === 'holder') patch(turn, { role: { ...role, stored } });
      return;
    case 'release':
      patchStore(turn, { releasing: null });
      return;
    case 'read':
      if (role.kind === 'holder' && record.kind === 'lease' && !isSameHolder(record.lease.holder, config.self)) {
        yieldTo(turn, role, record.lease.holder.pod);
      }
      return;
  }
}

/** It can not be by the rules: somebody has written into the record by hand. */
function yieldTo(turn: Turn, role: HolderRole, pod: PodName): void {
  const text = `the lease store says that ${pod} holds the lease: fencing the own Redis`;
  note(turn, 'error', 'lease-lost', text, { term: role.term });
  releaseLease(turn, role, null, 'fenced');
}

function takeTrouble(turn: Turn, { purpose }: Pending, outcome: Extract<StoreOutcome, { error: string }>): void {
  const { store, config, role } = turn.state;
  const { leaseMs, heartbeatMs } = config.timings;
  const isUnknown = outcome.kind === 'away' && purpose !== 'read';
  const askedForMs = outcome.kind === 'refused' ? Math.min(outcome.retryAfterMs ?? 0, leaseMs / 2) : 0;
  patchStore(turn, {
    isStale: store.isStale || isUnknown,
    failedAtMs: turn.nowMs,
    // A question that took its time has waited already.
    holdOffUntilMs: Math.max(store.askedAtMs + heartbeatMs, turn.nowMs + askedForMs),
    trouble: outcome.error,
  });
  if (store.trouble !== null) return;
  const all = String(config.members.length);
  const end = role.kind === 'holder' ? `: this pod stays master only while all ${all} pods agree` : '';
  const what = outcome.kind === 'away' ? 'does not answer' : 'refuses';
  note(turn, 'warn', 'store-away', `the lease store ${what} (${outcome.error})${end}`);
}

/** The write that was to win the lease did not, or nobody knows: then it is looked for, and given back. */
function fail(turn: Turn, { purpose, term }: Pending): void {
  const { role } = turn.state;
  if (purpose !== 'acquire') return;
  if (turn.state.store.isStale) giveBackLater(turn, term, null);
  if (role.kind === 'candidate' && role.term === term) patch(turn, { role: { ...role, stored: 'failed' } });
}

/** The lease of `term` is to be given back in the store, too, as soon as that can be done. */
function giveBackLater(turn: Turn, term: Term, to: PodName | null): void {
  patchStore(turn, { releasing: { term, to, sinceMs: turn.nowMs } });
}
