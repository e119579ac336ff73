import { spawn } from 'node:child_process';
import { TestkitError, nowMs } from '@sentinel-micro/testkit';

const TIMEOUT_MS = 30_000;

/**
 * The wall time of one run of `node ARGS`, in milliseconds, from the start of the process to its end.
 * @throws TestkitError PROCESS_FAILED when it does not end with `expected`.
 */
export async function wallTimeMs(args: readonly string[], expected = 0): Promise<number> {
  const startMs = nowMs();
  // As in a pod, nothing of this machine's environment: certificates that it names are read by every start of node, 36 ms long.
  const child = spawn(process.execPath, args, { env: {}, stdio: 'ignore', timeout: TIMEOUT_MS });
  const code = await new Promise<number | null>((done, failed) => {
    child.once('error', failed);
    child.once('exit', done);
  });
  const tookMs = nowMs() - startMs;
  if (code === expected) return tookMs;
  throw new TestkitError('PROCESS_FAILED', `node ${args.join(' ')} ended with ${String(code)} instead of ${expected}`);
}
