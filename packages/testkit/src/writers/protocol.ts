import type { WriteOutcome, WriteRecord } from '../history.ts';
import { nowMs } from '../time.ts';
import type { WriterOptions } from '../writer.ts';

/** What a process of writers is told to do: each writer under a name. */
export type WriterOrders = Readonly<Record<string, Omit<WriterOptions, 'onRecord'>>>;

/** What it prints: one line per write, and a last one when every write is printed. */
export type WriterLine = { readonly writer: string; readonly record: WriteRecord } | 'end';

const OUTCOMES: readonly string[] = ['confirmed', 'acknowledged', 'refused', 'unknown'] satisfies WriteOutcome[];

/**
 * What has to be added to `nowMs` for milliseconds that mean the same in every process of this machine.
 */
export function sharedClockOffsetMs(): number {
  return Number(process.hrtime.bigint()) / 1e6 - nowMs();
}

/** A write as one line. Times are given on the shared clock. */
export function formatLine(writer: string, record: WriteRecord, offsetMs: number): string {
  const { key, value, startedAtMs, acknowledgedAtMs, endedAtMs, outcome, reason } = record;
  const acknowledged = acknowledgedAtMs === undefined ? null : acknowledgedAtMs + offsetMs;
  const times = [startedAtMs + offsetMs, acknowledged, endedAtMs + offsetMs];
  return JSON.stringify([writer, key, value, ...times, outcome, reason ?? null]);
}

/** The line behind the last write. */
export const END_LINE = JSON.stringify('end');

/** Reads a line, with its times on the clock of `nowMs` here; undefined when it is none, such as an error message. */
export function parseLine(line: string, offsetMs: number): WriterLine | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (fields === 'end') return 'end';
  if (!Array.isArray(fields) || fields.length !== 8) return undefined;
  const [writer, key, value, started, acknowledged, ended, outcome, reason] = fields as unknown[];
  if (typeof writer !== 'string' || typeof key !== 'string' || typeof value !== 'string') return undefined;
  if (typeof started !== 'number' || typeof ended !== 'number' || !isOutcome(outcome)) return undefined;
  const record = {
    key,
    value,
    startedAtMs: started - offsetMs,
    acknowledgedAtMs: typeof acknowledged === 'number' ? acknowledged - offsetMs : undefined,
    endedAtMs: ended - offsetMs,
    outcome,
    reason: typeof reason === 'string' ? reason : undefined,
  };
  return { writer, record };
}

function isOutcome(value: unknown): value is WriteOutcome {
  return typeof value === 'string' && OUTCOMES.includes(value);
}
