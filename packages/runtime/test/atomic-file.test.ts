import { describe, expect, test } from '@jest/globals';
import {
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeAtomically } from '../src/index.ts';

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'atomic-file-test-'));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const modeOf = (file: string): number => statSync(file).mode & 0o777;

describe('writing a file', () => {
  test('makes a file with mode 0640, whatever the umask, and leaves nothing else behind', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'redis.conf');
      const umask = process.umask(0o077);
      try {
        await writeAtomically(file, 'port 1\n');
      } finally {
        process.umask(umask);
      }
      expect(readFileSync(file, 'utf8')).toBe('port 1\n');
      expect(modeOf(file)).toBe(0o640);
      expect(readdirSync(folder)).toEqual(['redis.conf']);
    });
  });

  test('replaces the old file as a whole: who has it open still reads the old text', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'redis.conf');
      writeFileSync(file, 'old text, and longer\n', { mode: 0o666 });
      const open = openSync(file, 'r');
      await writeAtomically(file, 'new\n');
      const buffer = Buffer.alloc(100);
      expect(buffer.toString('utf8', 0, readSync(open, buffer))).toBe('old text, and longer\n');
      expect(readFileSync(file, 'utf8')).toBe('new\n');
      expect(modeOf(file)).toBe(0o640);
    });
  });

  test('is not stopped by what a killed run left', async () => {
    await withFolder(async (folder) => {
      writeFileSync(path.join(folder, '.redis.conf.new'), 'half');
      await writeAtomically(path.join(folder, 'redis.conf'), 'new\n');
      expect(readdirSync(folder)).toEqual(['redis.conf']);
    });
  });
});

describe('when it can not be written, the error names the file, and nothing has changed', () => {
  test('no such folder', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'none', 'redis.conf');
      await expect(writeAtomically(file, 'x')).rejects.toMatchObject({
        code: 'UNWRITABLE',
        message: expect.stringMatching(new RegExp(`^${file} can not be written: .*ENOENT`)),
      });
    });
  });

  test('a folder is in the way', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'redis.conf');
      mkdirSync(file);
      await expect(writeAtomically(file, 'x')).rejects.toMatchObject({ code: 'UNWRITABLE' });
      expect(readdirSync(folder)).toEqual(['redis.conf']);
    });
  });

  test('the temporary file can not be made: the old config stays', async () => {
    await withFolder(async (folder) => {
      const file = path.join(folder, 'redis.conf');
      writeFileSync(file, 'old\n');
      // Works for root too, who may write into any folder.
      mkdirSync(path.join(folder, '.redis.conf.new'));
      await expect(writeAtomically(file, 'x')).rejects.toMatchObject({ code: 'UNWRITABLE' });
      expect(readFileSync(file, 'utf8')).toBe('old\n');
    });
  });
});
