import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { messageOf, OperationError } from './errors.ts';

/** Readable for the owner and the pod's fsGroup: there may be a password in it. */
const MODE = 0o640;

async function writeSynced(file: string, text: string): Promise<void> {
  // A leftover of a run that was killed is in nobody's way, but must not be written into: somebody may have it open.
  await rm(file, { force: true });
  const handle = await open(file, 'wx', MODE);
  try {
    // The umask may have taken bits away.
    await handle.chmod(MODE);
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Writes the file whole or not at all: whoever opens it sees the old text or the new one, also after a crash.
 * @throws OperationError with code `UNWRITABLE`, naming the file; what was there before is untouched then
 */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const folder = path.dirname(file);
  const temporary = path.join(folder, `.${path.basename(file)}.new`);
  try {
    await writeSynced(temporary, text);
    await rename(temporary, file);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw new OperationError('UNWRITABLE', `${file} can not be written: ${messageOf(error)}`, error);
  }
}
