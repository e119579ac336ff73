import { explain, type CandidateReport, type Explanation } from '@sentinel-micro/core';
import type { RawFlags } from '@sentinel-micro/runtime';
import { askAll, OUTPUT_FLAGS, SET_FLAGS, wantsJson, type Output } from './set.ts';
import { textTable } from './table.ts';

/** The flags of `sentinel explain`. */
export const EXPLAIN_FLAGS = { ...SET_FLAGS, ...OUTPUT_FLAGS } as const;

const HEAD = ['', 'POD', 'PRIORITY', 'OFFSET', 'LAG', 'DATA', 'WHY'];

function candidateTable(candidates: readonly CandidateReport[]): string {
  const cell = (value: number | string | null): string => (value === null ? '-' : String(value));
  const rows = candidates.map(({ pod, priority, offset, lagBytes, data, isChosen, reason }) => [
    isChosen ? '*' : '',
    pod,
    cell(priority),
    cell(offset),
    cell(lagBytes),
    cell(data),
    reason,
  ]);
  return indent(textTable([HEAD, ...rows]));
}

const indent = (text: string): string => text.replaceAll(/^(?=.)/gm, '  ');

function masterLine({ master }: Explanation): string {
  if (master === null) return 'MASTER: nobody holds the lease';
  const { pod, term, leaseRemainingMs } = master;
  return `MASTER: ${pod}, term ${String(term)}, its lease lasts for another ${String(leaseRemainingMs)} ms`;
}

function electionLines({ master, election, pausedBy }: Explanation): string[] {
  const { winner, reason, winnerIfSidecarLives, candidates } = election;
  const when = master === null ? 'ELECTION, NOW' : `ELECTION, IF ${master.pod} WERE LOST`;
  const paused = pausedBy.length > 0 ? ` (to end the pause: sentinel resume)` : '';
  const isSaved = winner === null && winnerIfSidecarLives !== null;
  const only = isSaved ? [`  If only its Redis were lost, and its sidecar could vote: ${winnerIfSidecarLives}`] : [];
  return [`${when}: ${winner ?? 'NOBODY'}: ${reason}${paused}`, ...only, candidateTable(candidates)];
}

/** What would happen, for people. */
export function explanationText(explanation: Explanation): string {
  const { quorum, switchover } = explanation;
  const votes = quorum.pods.map(({ pod, vote, reason }) => [pod, vote, reason]);
  return [
    masterLine(explanation),
    '',
    `QUORUM: ${quorum.hasQuorum ? 'yes' : 'NO'}: ${quorum.reason}`,
    indent(textTable([['POD', 'VOTES', 'WHY'], ...votes])),
    '',
    ...electionLines(explanation),
    '',
    `SWITCHOVER: ${switchover.target === null ? 'would NOT succeed' : `to ${switchover.target}`}: ${switchover.reason}`,
    candidateTable(switchover.candidates),
  ].join('\n');
}

/** Why the master can not be lost without harm, or a switchover would not succeed; empty when all is well. */
function dangersOf({ master, election, switchover }: Explanation): string[] {
  if (master === null) return ['nobody holds the lease'];
  const loss = `if ${master.pod} were lost,`;
  return [
    ...(election.winner === null ? [`${loss} nobody would be elected: ${election.reason}`] : []),
    ...(election.winner !== null && election.isDataAtRisk
      ? [`${loss} confirmed writes could be missing: ${election.winner}: ${election.reason}`]
      : []),
    ...(switchover.target === null ? [`a switchover would not succeed: ${switchover.reason}`] : []),
  ];
}

/**
 * `sentinel explain`: asks every sidecar behind the Service, and says what would happen and why. Changes nothing.
 * @returns the exit code: 0 when the master could be lost without any harm and a switchover would succeed, else 1, and why on stderr.
 * @throws UsageError for a wrong flag, OperationError when DNS names nobody.
 */
export async function runExplain(flags: RawFlags, output: Output): Promise<number> {
  const isJson = wantsJson(flags);
  const explanation = explain(await askAll(flags));
  const dangers = dangersOf(explanation);
  const ok = dangers.length === 0;
  output.stdout(isJson ? JSON.stringify({ ok, ...explanation }) : explanationText(explanation));
  if (!ok) output.stderr(`sentinel: ${dangers.join('; ')}`);
  return ok ? 0 : 1;
}
