import { tailOfFile } from './managed-process.ts';

/** The last log lines of a file as objects; lines that are no JSON objects are left out. */
export function tailOfJsonLog(path: string, lines: number): Record<string, unknown>[] {
  return tailOfFile(path, lines).flatMap(parseLogLine);
}

function parseLogLine(line: string): Record<string, unknown>[] {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? [value as Record<string, unknown>] : [];
  } catch {
    return [];
  }
}

/** How many lines of each log are looked through: more than any test writes. */
const LOG_LINES = 100_000;

/** The lines with one of these events in the logs of these sidecars, pod by pod. */
export function logged(
  pods: readonly { sidecarLog(lines: number): Record<string, unknown>[] }[],
  ...events: readonly string[]
): Record<string, unknown>[] {
  return pods.flatMap((pod) => pod.sidecarLog(LOG_LINES)).filter(({ event }) => events.includes(String(event)));
}
