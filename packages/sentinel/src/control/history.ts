import type { AskedPod, Change } from '@sentinel-micro/core';
import type { RawFlags } from '@sentinel-micro/runtime';
import { askAll, hasAnswered, OUTPUT_FLAGS, SET_FLAGS, wantsJson, type Output } from './set.ts';
import { textTable } from './table.ts';

/** The flags of `sentinel history`. */
export const HISTORY_FLAGS = { ...SET_FLAGS, ...OUTPUT_FLAGS } as const;

/** A change of master, as the one who knows most of it has told. */
export interface ToldChange extends Change {
  /** Sidecars that remember it. */
  readonly toldBy: readonly string[];
}

const isMeasured = ({ phasesMs }: Change): boolean => Object.keys(phasesMs).length > 0;

/** The greatest number of bytes that any sidecar has seen thrown away; null when none has. */
function mostDiscarded(changes: readonly Change[]): number | null {
  const seen = changes.flatMap(({ discardedBytes }) => (discardedBytes === null ? [] : [discardedBytes]));
  return seen.length === 0 ? null : Math.max(...seen);
}

/**
 * One list of what all sidecars remember, the newest first. Of one term each sidecar knows a part: the winner how long each phase
 * took, the others what their Redis threw away.
 */
export function mergeHistories(pods: readonly AskedPod[]): ToldChange[] {
  const told = pods
    .filter(hasAnswered)
    .flatMap(({ status }) => (status.changes ?? []).map((change) => ({ change, by: status.from.pod })));
  const terms = [...new Set(told.map(({ change }) => change.term))].sort((a, b) => b - a);
  return terms.flatMap((term) => {
    const ofTerm = told.filter(({ change }) => change.term === term);
    // The winner saw it happen; the others heard of it, some of them later.
    const winner = ofTerm.find(({ change, by }) => change.to === by) ?? ofTerm.find(({ change }) => isMeasured(change));
    const best = winner ?? ofTerm.reduce((oldest, one) => (one.change.ageMs > oldest.change.ageMs ? one : oldest));
    const changes = ofTerm.map(({ change }) => change);
    return [{ ...best.change, discardedBytes: mostDiscarded(changes), toldBy: ofTerm.map(({ by }) => by) }];
  });
}

/** `2026-11-22 21:40:01`, in the zone of this machine. */
function localTime(atMs: number): string {
  const at = new Date(atMs);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${String(at.getFullYear())}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
] as const;

function ageText(ageMs: number): string {
  const [unit, unitMs] = UNITS.find(([, lengthMs]) => ageMs >= 2 * lengthMs) ?? (['s', 1000] as const);
  return `${String(Math.floor(ageMs / unitMs))} ${unit}`;
}

const HEAD = ['WHEN', 'AGE', 'TERM', 'FROM', 'TO', 'CAUSE', 'PHASES (MS)', 'DISCARDED'];

/** @param nowMs milliseconds since 1970, when the sidecars were asked */
export function historyTable(changes: readonly ToldChange[], nowMs: number): string {
  const rows = changes.map(({ ageMs, term, from, to, cause, phasesMs, discardedBytes }) => [
    localTime(nowMs - ageMs),
    ageText(ageMs),
    String(term),
    from ?? '-',
    to,
    cause,
    Object.entries(phasesMs)
      .map(([phase, tookMs]) => `${phase} ${String(tookMs)}`)
      .join(', ') || '-',
    discardedBytes === null ? '-' : `${String(discardedBytes)} bytes`,
  ]);
  return textTable([HEAD, ...rows]);
}

/**
 * `sentinel history`: the last changes of master, as all sidecars together remember them.
 * @returns the exit code: 0 when at least one sidecar answered, else 1.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody.
 */
export async function runHistory(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const pods = await askAll(flags);
  const nowMs = Date.now();
  const changes = mergeHistories(pods);
  const silent = pods.filter((pod) => !hasAnswered(pod));
  const ok = silent.length < pods.length;
  if (isJson) {
    const dated = changes.map((change) => ({ at: new Date(nowMs - change.ageMs).toISOString(), ...change }));
    output.stdout(
      JSON.stringify({ ok, changes: dated, silent: silent.map(({ ip, pod, error }) => ({ ip, pod, error })) }),
    );
  } else output.stdout(historyTable(changes, nowMs));
  for (const { ip, pod, error } of silent) output.stderr(`sentinel: ${pod ?? ip} was not heard: ${String(error)}`);
  return ok ? 0 : 1;
}
