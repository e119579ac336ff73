import { readinessChecks, type Check, type NodeState, type Surroundings } from '@sentinel-micro/core';
import { textAnswer, type Answer } from './server.ts';

/** Turns of the loop that are further apart than this, in milliseconds, mean that it has got stuck; it takes one a second at least. */
export const STUCK_AFTER_MS = 10_000;

/** What the probes look at. Times on the clock of `nowMs`. */
export interface Vitals {
  readonly state: NodeState;
  readonly nowMs: number;
  /** When the loop took its last decision; null before the first. */
  readonly decidedAtMs: number | null;
}

/** The loop turns. Nothing else: no Redis and no peer can have this sidecar killed. */
export function livenessChecks({ nowMs, decidedAtMs }: Vitals): readonly Check[] {
  if (decidedAtMs === null) return [{ name: 'loop', ok: true, text: 'it has not taken its first turn yet' }];
  const ageMs = Math.max(0, Math.round(nowMs - decidedAtMs));
  const ok = ageMs <= STUCK_AFTER_MS;
  return [{ name: 'loop', ok, text: `its last turn was ${String(ageMs)} ms ago` }];
}

/** The sidecar serves its port and has taken a turn. A native sidecar is waited for before Redis starts, so Redis does not count. */
export function startChecks({ decidedAtMs }: Vitals): readonly Check[] {
  const ok = decidedAtMs !== null;
  return [{ name: 'loop', ok, text: ok ? 'it has taken its first turn' : 'it has not taken its first turn yet' }];
}

export function readyChecks(vitals: Vitals, around: Surroundings): readonly Check[] {
  return [...livenessChecks(vitals), ...readinessChecks(vitals.state, vitals.nowMs, around)];
}

export const haveAllPassed = (checks: readonly Check[]): boolean => checks.every(({ ok }) => ok);

/** One line for each check, and one for all of them, in the manner of the probes of Kubernetes itself. */
export function probeAnswer(probe: string, checks: readonly Check[]): Answer {
  const isWell = haveAllPassed(checks);
  const lines = checks.map(({ name, ok, text }) => `[${ok ? '+' : '-'}]${name} ${ok ? 'ok' : 'failed'}: ${text}`);
  return textAnswer(isWell ? 200 : 503, [...lines, `${probe} check ${isWell ? 'passed' : 'failed'}`].join('\n'));
}

/**
 * Reads `?maxLagBytes=`.
 * @returns bytes; null when it is not asked for; undefined when it is no whole number.
 */
export function mostLagBytes(parameters: URLSearchParams): number | null | undefined {
  const text = parameters.get('maxLagBytes');
  if (text === null) return null;
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
