import type { Announcement, ChangeCause, Succession } from './messages.ts';
import type { ChangeRecord, Mark, NodeState } from './state.ts';
import { patch, type HolderRole, type Turn } from './turn.ts';
import type { Loss } from './loss.ts';

/** So many moves of the master are remembered. */
const MOST_CHANGES = 32;

/** Notes that a step of the present election is taken now. */
export function mark(turn: Turn, name: Mark): void {
  patch(turn, { marks: { ...turn.state.marks, [name]: turn.nowMs } });
}

function causeOf(state: NodeState, { old }: HolderRole): ChangeCause {
  if (old === null) return 'bootstrap';
  if (old.announcement.pod === state.config.self.pod) return 'repair';
  const cause = state.release?.cause;
  return cause === undefined || cause === 'fenced' || cause === 'withdrawn' ? 'silent' : cause;
}

/** Steps that were not taken have no time; one is counted to the next that was. */
function phasesOf({ marks }: NodeState, nowMs: number): Record<string, number> {
  const { asked, won, frozen, chosen } = marks;
  const spans: readonly (readonly [string, number | undefined, number | undefined])[] = [
    ['lease', asked, won],
    ['assess', won, frozen ?? nowMs],
    ['freeze', frozen, chosen],
    ['promote', chosen, nowMs],
  ];
  return Object.fromEntries(
    spans.flatMap(([name, fromMs, toMs]) =>
      fromMs === undefined || toMs === undefined || toMs < fromMs ? [] : [[name, Math.round(toMs - fromMs)]],
    ),
  );
}

/** How this pod, which is promoted now, came to it. */
export function successionOf(turn: Turn, role: HolderRole): Succession {
  const { state, nowMs } = turn;
  const from = role.old?.announcement.pod ?? null;
  return { from, cause: causeOf(state, role), phasesMs: phasesOf(state, nowMs) };
}

/** Remembers a move of the master, unless it is the one that is remembered last: an announcement is heard again and again. */
export function remember(turn: Turn, announcement: Announcement): void {
  const { changes } = turn.state;
  const before = turn.state.announcement;
  const isSame = before?.pod === announcement.pod && before.runId === announcement.runId;
  if (isSame || announcement.succession === undefined) return;
  const { term, pod: to, succession } = announcement;
  const change: ChangeRecord = { ...succession, term, to, atMs: turn.nowMs, discardedBytes: null };
  patch(turn, { changes: [...changes.slice(1 - MOST_CHANGES), change] });
}

/** What a diverged master throws away is told with the move that it belongs to: the newest. */
export function rememberLoss(turn: Turn, loss: Loss): void {
  const last = turn.state.changes.at(-1);
  if (loss.kind !== 'bytes' || last === undefined) return;
  const discardedBytes = (last.discardedBytes ?? 0) + loss.bytes;
  patch(turn, { changes: [...turn.state.changes.slice(0, -1), { ...last, discardedBytes }] });
}
