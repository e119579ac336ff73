import type { NodeState } from './state.ts';
import { note, patch, type Turn } from './turn.ts';

/** True while nobody campaigns for the lease of a master that is lost; see Envelope. */
export function isPaused({ pauses }: Pick<NodeState, 'pauses'>): boolean {
  return pauses % 2 === 1;
}

/** Nobody has paused so often since this sidecar last heard of it: a message that says so is broken, or forged. */
const MOST_UNHEARD = 1_000_000;

/** Takes in what somebody says of it; who has heard of more pauses and resumptions is right. */
export function hearPauses(turn: Turn, pauses = 0): void {
  const unheard = pauses - turn.state.pauses;
  if (unheard <= 0 || unheard > MOST_UNHEARD) return;
  patch(turn, { pauses });
  const text = isPaused(turn.state)
    ? 'automatic failover is PAUSED for the whole set: if the master is lost, nobody takes its place'
    : 'automatic failover goes on';
  note(turn, 'warn', isPaused(turn.state) ? 'failover-paused' : 'failover-resumed', text);
}
