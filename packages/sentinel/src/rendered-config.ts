import { readFile } from 'node:fs/promises';
import { LIMBO_HOST, LIMBO_PORT } from '@sentinel-micro/core';
import { messageOf, writeAtomically, type Logger } from '@sentinel-micro/runtime';

/** make-slave writes it at the start of a line; what the user's own config says about it is in another file. */
const REPLICAOF = /^replicaof .*$/gm;
const IN_LIMBO = `replicaof ${LIMBO_HOST} ${String(LIMBO_PORT)}`;

/** The rendered config with nobody to follow: a Redis that is started from it again waits for its sidecar. */
export function withoutMaster(config: string): string {
  return config.replace(REPLICAOF, IN_LIMBO);
}

/**
 * Takes the master's address out of the config that redis-server was started from, as soon as it runs. The address is as old as
 * the pod: a redis container that restarts alone, days later, would follow whoever has it by then. Without access to the file
 * nothing is done, and that is said.
 */
export async function forgetMaster(file: string, logger: Logger): Promise<void> {
  let config: string;
  try {
    config = await readFile(file, 'utf8');
  } catch (error) {
    const text = `--rendered-config ${file} can not be read (${messageOf(error)}): if the redis container restarts alone, it follows the master of the pod's start until this sidecar repoints it; mount the volume here, too`;
    logger.log('warn', 'rendered-config', text);
    return;
  }
  const changed = withoutMaster(config);
  if (changed === config) return;
  try {
    await writeAtomically(file, changed);
    logger.log(
      'info',
      'rendered-config',
      `${file} names no master any more: a Redis that restarts alone waits for its sidecar`,
    );
  } catch (error) {
    logger.log('warn', 'rendered-config', `--rendered-config ${messageOf(error)}; mount the volume writable`);
  }
}
