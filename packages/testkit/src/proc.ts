import { readFileSync, readdirSync } from 'node:fs';
import { TestkitError } from './errors.ts';

const KIB_PER_MIB = 1024;

/** Resident memory of a process, in MiB. @throws Error when it is not there, or has ended and nobody has asked how yet. */
export function residentMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kib === undefined) throw new TestkitError('PROCESS_FAILED', `process ${pid} has no memory any more`);
  return Number(kib) / KIB_PER_MIB;
}

/** How many files and sockets a process has open. @throws Error when it is not there. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}
