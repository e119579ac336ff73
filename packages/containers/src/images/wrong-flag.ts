import type { Docker } from '../engine/index.ts';
import { imageOf, OWN_LABEL, type ProgramName } from './names.ts';

const WRONG_USAGE = 2;

/** What is wrong with the answer of an image to a flag that its program does not have; empty when all is well. */
export async function checkWrongFlag(program: ProgramName, docker: Docker): Promise<string[]> {
  const args = program === 'sentinel' ? ['run', '--no-such-flag'] : ['--no-such-flag'];
  const flags = ['run', '--rm', '--label', OWN_LABEL, '--read-only', '--network', 'none'];
  const { code, stderr } = await docker.end([...flags, imageOf(program), ...args]);
  const lines = stderr.trim().split('\n');
  return [
    ...(code === WRONG_USAGE ? [] : [`a wrong flag ends it with ${String(code)}, not ${WRONG_USAGE}`]),
    ...(lines[0]?.includes('no-such-flag') === true ? [] : [`a wrong flag is not named: ${stderr.trim()}`]),
    ...(lines.length === 1 ? [] : [`a wrong flag is answered with ${lines.length} lines`]),
  ];
}
