import { readFileSync } from 'node:fs';
import { messageOf, UsageError } from './errors.ts';

/**
 * Reads a password from a file; one line break at its end does not belong to it.
 * @throws UsageError when the file can not be read or is empty.
 */
export function readPasswordFile(path: string, flag: string): string {
  let text: string;
  try {
    // A byte that is no UTF-8 would silently become another password.
    text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    throw new UsageError(`${flag} is ${path}, which can not be read: ${messageOf(error)}`);
  }
  const password = text.replace(/\r?\n$/, '');
  if (password === '') throw new UsageError(`${flag} is ${path}, which is empty; it must hold the password`);
  return password;
}
