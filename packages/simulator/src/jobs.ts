import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import type { FaultKind } from './plan.ts';
import { scenarioOf } from './order.ts';
import { addTally, NOTHING_YET, search, type SearchOrder, type Tally } from './search.ts';

/** A search as it travels to a thread: a story goes by its name. */
interface Job {
  readonly from: number;
  readonly seeds: number;
  readonly stride: number;
  readonly steps: number;
  readonly pods: number | null;
  readonly only: readonly FaultKind[] | null;
  readonly leaseStore: SearchOrder['leaseStore'];
  readonly scenario: string | null;
}

interface Progress {
  readonly lines: readonly string[];
  readonly tally: Tally;
  readonly isDone: boolean;
}

/** So many runs are told of in one message. */
const RUNS_PER_MESSAGE = 20;

/** True in a thread that `searchWithJobs` has started. */
export const isJob = !isMainThread;

/** What such a thread does. */
export function runJob(): void {
  const job = workerData as Job;
  let lines: string[] = [];
  let tally = NOTHING_YET;
  const tell = (isDone: boolean): void => {
    parentPort?.postMessage({ lines, tally, isDone } satisfies Progress);
    lines = [];
    tally = NOTHING_YET;
  };
  search({ ...job, scenario: job.scenario === null ? null : scenarioOf(job.scenario) }, (line, one) => {
    if (line !== null) lines.push(line);
    tally = addTally(tally, one);
    if (tally.runs >= RUNS_PER_MESSAGE || line !== null) tell(false);
  });
  tell(true);
}

/**
 * Shares a search among threads that run `program` (this same one, which has to call `runJob`).
 * @param onProgress is told of each broken run, and now and then of how far it has come
 * @returns when all have ended; rejects when one of them fails
 */
export async function searchWithJobs(
  program: URL,
  order: SearchOrder,
  jobs: number,
  onProgress: (line: string | null, tally: Tally) => void,
): Promise<Tally> {
  if (jobs === 1) return search(order, onProgress);
  let total = NOTHING_YET;
  const one = (index: number): Promise<void> =>
    new Promise((resolve, reject) => {
      const { from, seeds, scenario, ...rest } = order;
      const share: Job = {
        ...rest,
        from: from + index,
        seeds: seeds - index,
        stride: jobs,
        scenario: scenario?.name ?? null,
      };
      const worker = new Worker(program, { workerData: share });
      worker.on('message', ({ lines, tally, isDone }: Progress) => {
        total = addTally(total, tally);
        for (const line of lines) onProgress(line, NOTHING_YET);
        onProgress(null, tally);
        if (isDone) resolve();
      });
      worker.on('error', reject);
      worker.on('exit', (code) => {
        if (code !== 0) reject(new Error(`a thread ended with ${code}`));
      });
    });
  await Promise.all(Array.from({ length: Math.min(jobs, order.seeds) }, (_, index) => one(index)));
  return total;
}
