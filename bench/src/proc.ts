import { readFileSync, readdirSync } from 'node:fs';

const KB_PER_MB = 1024;

/** Resident memory of a process in MB. @throws Error when it is not there. */
export function residentMb(pid: number | undefined): number {
  const status = readFileSync(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / KB_PER_MB;
}

/** Files and sockets that a process has open. @throws Error when it is not there. */
export function openFiles(pid: number | undefined): number {
  return readdirSync(`/proc/${pid ?? 0}/fd`).length;
}
