import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimAddressBlock, type AddressBlock } from '../src/index.ts';

/** A folder and a block of addresses for one test file; `remove` gives both back. */
export interface Place {
  readonly dir: string;
  readonly addresses: AddressBlock;
  remove(): Promise<void>;
}

export async function makePlace(): Promise<Place> {
  const addresses = await claimAddressBlock();
  const dir = mkdtempSync(join(tmpdir(), 'testkit-test-'));
  return {
    dir,
    addresses,
    remove: async () => {
      await addresses.release();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Whether a process with this id exists. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
