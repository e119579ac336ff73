import { messageOf, UsageError } from '@sentinel-micro/runtime';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSettings, type Setting } from './redis-conf.ts';

/** As Redis has no bound, this one only stops files that include each other. */
const MAX_DEPTH = 8;
const MAX_FILES = 64;

/** What the user's own config sets, in the order in which Redis reads it. */
export interface BaseConfig {
  readonly settings: readonly Setting[];
  /** Included files that could not be looked at, each as a sentence. */
  readonly unread: readonly string[];
}

/** What there is when the user has none. */
export const NO_BASE_CONFIG: BaseConfig = { settings: [], unread: [] };

interface Reading {
  readonly output: string;
  readonly settings: Setting[];
  readonly unread: string[];
  files: number;
}

/** The files that an `include` means: it may be a pattern, of which the last part is understood here. */
function includedFiles(pattern: string): string[] {
  const { dir, base } = path.parse(path.resolve(pattern));
  if (!/[*?[]/.test(pattern)) return [path.join(dir, base)];
  if (/[*?[]/.test(dir) || base.includes('[')) throw new Error('patterns in folders or with [ are not understood');
  const literal = base.replace(/[\\^$.|+(){}\]]/g, '\\$&');
  const matcher = new RegExp(`^${literal.replaceAll('*', '[^/]*').replaceAll('?', '[^/]')}$`);
  const names = readdirSync(dir).filter(
    (name) => matcher.test(name) && (!name.startsWith('.') || base.startsWith('.')),
  );
  return names.sort().map((name) => path.join(dir, name));
}

function followInclude(reading: Reading, include: Setting, depth: number): void {
  const where = `${include.file}:${include.line}`;
  const pattern = include.args[0];
  if (pattern === undefined) return;
  try {
    for (const file of includedFiles(pattern)) {
      if (file === reading.output) {
        throw new UsageError(`--output is ${file}, which ${where} includes; it must be a file that nothing includes`);
      }
      reading.files += 1;
      if (depth >= MAX_DEPTH || reading.files > MAX_FILES) throw new Error('too many files include each other');
      readInto(reading, file, depth + 1);
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    // It may exist only where redis-server runs, so this is no reason to stop.
    reading.unread.push(`${where} includes ${pattern}, which was not checked: ${messageOf(error)}`);
  }
}

function readInto(reading: Reading, file: string, depth: number): void {
  for (const setting of parseSettings(readFileSync(file, 'utf8'), file)) {
    if (setting.name === 'include') followInclude(reading, setting, depth);
    else reading.settings.push(setting);
  }
}

/**
 * Reads the user's own config and the files that it includes.
 * @param output the file that is going to be written; including it would never end
 * @throws UsageError when the base config itself can not be read
 */
export function readBaseConfig(file: string, output: string): BaseConfig {
  const reading: Reading = { output, settings: [], unread: [], files: 1 };
  try {
    readInto(reading, file, 0);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`--base-config is ${file}, which can not be read: ${messageOf(error)}`);
  }
  return reading;
}
