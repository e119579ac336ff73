import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { asOffset, asPodName, asReplicationId, asTerm, type Memory } from '@sentinel-micro/core';
import type { Logger } from '@sentinel-micro/runtime';
import { MemoryFile } from '../src/memory.ts';

const CLUSTER = 'redis.shop/mymaster';
const MEMORY: Memory = {
  term: asTerm(9),
  announcement: {
    ...{
      term: asTerm(8),
      pod: asPodName('redis-1'),
      uid: 'u',
      ip: '10.0.0.2',
      port: 6379,
      runId: null,
      isFounded: false,
    },
    history: {
      ...{ replid: asReplicationId('a'.repeat(40)), replid2: null, secondReplOffset: null, offset: asOffset(7) },
      ancestors: [{ replid: asReplicationId('b'.repeat(40)), endOffset: asOffset(5) }],
    },
  },
  pauses: 3,
};

let folder: string;
let lines: string[];
const logger: Logger = {
  log: (level, _event, text) => {
    lines.push(`${level} ${text}`);
  },
};
const fileOf = (cluster = CLUSTER): MemoryFile => new MemoryFile(path.join(folder, 'redis.conf'), cluster, logger);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'memory-test-'));
  lines = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('what one life has kept the next one knows', () => {
  expect(fileOf().read()).toBeNull();
  fileOf().write({ ...MEMORY, term: asTerm(3), announcement: null });
  fileOf().write(MEMORY);
  expect(fileOf().read()).toEqual(MEMORY);
  expect(readdirSync(folder)).toEqual(['sentinel-memory.json']);
  expect(lines).toEqual([]);
});

test.each([
  ['not JSON', '{"cluster":'],
  ['a term that is none', JSON.stringify({ cluster: CLUSTER, term: -1, announcement: null })],
  ['of another cluster', JSON.stringify({ cluster: 'redis.other/mymaster', term: 9, announcement: null })],
])('what is of no use is as good as nothing, and told: %s', (_title, text) => {
  writeFileSync(path.join(folder, 'sentinel-memory.json'), text);
  expect(fileOf().read()).toBeNull();
  expect(lines).toEqual([expect.stringMatching(/^warn .*sentinel-memory\.json is of no use: the memory is/)]);
});

test('where nothing can be kept that is told once, and the sidecar goes on', () => {
  mkdirSync(path.join(folder, 'sentinel-memory.json.new'));
  const file = fileOf();
  file.write(MEMORY);
  file.write(MEMORY);
  expect(file.read()).toBeNull();
  expect(lines).toEqual([expect.stringMatching(/^warn the newest term can not be kept .*writable$/)]);
});
