import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Logger } from '@sentinel-micro/runtime';
import { forgetMaster, withoutMaster } from '../src/rendered-config.ts';

const RENDERED = `# Starts as: replica
include /base/redis.conf

replicaof 10.0.0.7 6379
masterauth "a secret"
# replicaof 10.0.0.8 6379
`;
const FORGOTTEN = RENDERED.replace('\nreplicaof 10.0.0.7 6379', '\nreplicaof 127.0.0.1 1');

let folder: string;
let lines: string[];
const logger: Logger = {
  log: (level, _event, text) => {
    lines.push(`${level} ${text}`);
  },
};

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'rendered-config-test-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the config that redis-server was started from', () => {
  test('names no master any more, and is otherwise as it was', () => {
    expect(withoutMaster(RENDERED)).toBe(FORGOTTEN);
    expect(withoutMaster(FORGOTTEN)).toBe(FORGOTTEN);
  });

  test('is rewritten once, and that is said', async () => {
    const file = path.join(folder, 'redis.conf');
    writeFileSync(file, RENDERED);
    await forgetMaster(file, logger);
    await forgetMaster(file, logger);
    expect(readFileSync(file, 'utf8')).toBe(FORGOTTEN);
    expect(lines).toEqual([expect.stringMatching(/^info .*names no master any more/)]);
  });

  test('that can not be read: what follows from it, and the remedy, are said', async () => {
    await forgetMaster(path.join(folder, 'redis.conf'), logger);
    expect(lines).toEqual([expect.stringMatching(/^warn --rendered-config .*ENOENT.*mount the volume here, too$/)]);
  });

  test('that can not be written stays as it is; the log has no secret of it', async () => {
    const file = path.join(folder, 'redis.conf');
    writeFileSync(file, RENDERED);
    mkdirSync(path.join(folder, '.redis.conf.new'));
    await forgetMaster(file, logger);
    expect(readFileSync(file, 'utf8')).toBe(RENDERED);
    expect(readdirSync(folder).sort()).toEqual(['.redis.conf.new', 'redis.conf']);
    expect(lines).toEqual([expect.stringMatching(/^warn --rendered-config .*can not be written.*writable$/)]);
    expect(lines.join()).not.toContain('secret');
  });
});
