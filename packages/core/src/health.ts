import type { ReplicationInfo } from './replication-info.ts';

/** What came of asking the own Redis once. */
export type RedisSample =
  /** `warning`: what it suffers from although it answers, in the words that follow "answers, but"; null when it is well. */
  | { readonly outcome: 'info'; readonly info: ReplicationInfo; readonly warning?: string | null }
  /** It answered with an error: alive, but of no use at the moment. */
  | { readonly outcome: 'error'; readonly code: string }
  /** The kernel refuses connections: no process listens. A fact, not a suspicion. */
  | { readonly outcome: 'refused' }
  /** No answer in time. */
  | { readonly outcome: 'silent' };

export interface Health {
  readonly state: 'unknown' | 'up' | 'suspect' | 'down';
  readonly reason: string;
  /** When it last answered anything; null when it never has. */
  readonly aliveAtMs: number | null;
  readonly sinceMs: number;
  /** True when it is down because it accepts but does not answer. */
  readonly hung: boolean;
}

/** The reason of a Redis that is up and has nothing to complain of. */
export const WELL = 'answers';

export const UNKNOWN_HEALTH: Health = {
  state: 'unknown',
  reason: 'not asked yet',
  aliveAtMs: null,
  sinceMs: 0,
  hung: false,
};

function enter(before: Health, next: Omit<Health, 'sinceMs'>, nowMs: number): Health {
  const { state, reason, aliveAtMs, hung } = next;
  return { state, reason, aliveAtMs, hung, sinceMs: before.state === state ? before.sinceMs : nowMs };
}

/**
 * The health after one more sample. Refused means down at once; silence means down only after `downAfterMs`;
 * -LOADING, -BUSY and -MASTERDOWN are answers, so the process is alive.
 */
export function nextHealth(before: Health, sample: RedisSample, nowMs: number, downAfterMs: number): Health {
  switch (sample.outcome) {
    case 'info': {
      const reason = sample.warning == null ? WELL : `${WELL}, but ${sample.warning}`;
      return enter(before, { state: 'up', reason, aliveAtMs: nowMs, hung: false }, nowMs);
    }
    case 'error':
      return enter(before, { state: 'up', reason: `answers ${sample.code}`, aliveAtMs: nowMs, hung: false }, nowMs);
    case 'refused':
      return enter(
        before,
        { state: 'down', reason: 'connection refused: no process listens', aliveAtMs: before.aliveAtMs, hung: false },
        nowMs,
      );
    case 'silent': {
      if (before.state === 'down') return before;
      const silentMs = before.aliveAtMs === null ? null : nowMs - before.aliveAtMs;
      if (silentMs !== null && silentMs < downAfterMs) {
        return enter(
          before,
          { state: 'suspect', reason: 'no answer', aliveAtMs: before.aliveAtMs, hung: false },
          nowMs,
        );
      }
      const reason =
        silentMs === null ? 'never answered' : `accepts but has not answered for ${String(downAfterMs)} ms`;
      return enter(before, { state: 'down', reason, aliveAtMs: before.aliveAtMs, hung: true }, nowMs);
    }
  }
}
