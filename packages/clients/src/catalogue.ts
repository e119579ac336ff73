import { join } from 'node:path';
import { findRepositoryRoot, findTool, type WriterProgram } from '@sentinel-micro/testkit';

/** A client library with one set of options. */
export interface ClientKind {
  readonly name: string;
  /**
   * What must hold for it (see judge.ts) is a violation when it does not. The others are measured, to show what the options
   * are for.
   */
  readonly isJudged: boolean;
  /** What its options are. */
  readonly what: string;
}

export const CLIENTS: readonly ClientKind[] = [
  { name: 'ioredis', isJudged: true, what: 'ioredis with the options below' },
  { name: 'ioredis-detector', isJudged: true, what: 'the same, and `failoverDetector: true`' },
  { name: 'ioredis-default', isJudged: false, what: 'ioredis as it is by default' },
  { name: 'iovalkey', isJudged: true, what: 'iovalkey with the same options as ioredis' },
  { name: 'iovalkey-default', isJudged: false, what: 'iovalkey as it is by default' },
  { name: 'node-redis', isJudged: true, what: '`createSentinel` of the package redis, with the options below' },
  { name: 'node-redis-default', isJudged: false, what: '`createSentinel` as it is by default' },
  { name: 'redis-py', isJudged: true, what: 'redis-py of Debian 12 with the options below' },
  { name: 'redis-py-default', isJudged: false, what: 'redis-py as it is by default' },
  {
    name: 'redis-cli',
    isJudged: true,
    what: 'a loop that asks the sidecars, and one call of redis-cli for each write',
  },
];

/** The program of a client; the reason when it cannot be had here. */
export function programOf({ name }: ClientKind): WriterProgram | string {
  const folder = join(findRepositoryRoot(), 'packages', 'clients');
  if (!name.startsWith('redis-py')) {
    return { command: process.execPath, args: [join(folder, 'dist', 'client.mjs')] };
  }
  const python = findTool('python3');
  const library = findTool('redis-py');
  if (python === undefined || library === undefined) return 'there is no python3 or no redis-py';
  // The folder of the folder of redis/__init__.py.
  const env = { ...python.env, PYTHONPATH: join(library.command, '..', '..'), PYTHONDONTWRITEBYTECODE: '1' };
  return { command: python.command, args: [join(folder, 'src', 'redis-py.py')], env };
}
