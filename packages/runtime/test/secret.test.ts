import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { credentialsOf, readPasswordFile, UsageError } from '../src/index.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'secret-test-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function fileWith(content: string | Buffer): string {
  const path = join(folder, 'password');
  writeFileSync(path, content);
  return path;
}

const good: readonly (readonly [string, string, string])[] = [
  ['nothing but the password', 'secret', 'secret'],
  ['one line break at its end', 'secret\n', 'secret'],
  ['one line break of another world', 'secret\r\n', 'secret'],
  ['only one: the second one is part of it', 'secret\n\n', 'secret\n'],
  ['blanks are part of it', '  two words \t\n', '  two words \t'],
  ['it need not be ASCII', 'größe-🧪\n', 'größe-🧪'],
  ['a line break inside it', 'a\nb\n', 'a\nb'],
];

describe('the password file', () => {
  test.each(good)('%s', (_, content, password) => {
    expect(readPasswordFile(fileWith(content), '--redis-password-file')).toBe(password);
  });

  const refusal = (path: string): string => {
    try {
      readPasswordFile(path, '--redis-password-file');
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
    throw new Error('it was taken');
  };

  test.each(['', '\n', '\r\n'])('empty (%j): refused', (content) => {
    const path = fileWith(content);
    expect(refusal(path)).toBe(`--redis-password-file is ${path}, which is empty; it must hold the password`);
  });

  test('bytes that are no UTF-8: refused, and not shown', () => {
    const path = fileWith(Buffer.from([0x73, 0x65, 0x63, 0xff, 0x72, 0x65, 0x74]));
    expect(refusal(path)).toMatch(`--redis-password-file is ${path}, which can not be read: `);
    expect(refusal(path)).not.toContain('sec\ufffdret');
  });

  test('not there, or a folder: the reason is told', () => {
    expect(refusal(join(folder, 'none'))).toMatch(/^--redis-password-file is .*none, which can not be read: ENOENT/);
    mkdirSync(join(folder, 'sub'));
    expect(refusal(join(folder, 'sub'))).toMatch(/which can not be read: EISDIR/);
  });

  test('not readable', () => {
    const path = fileWith('secret');
    chmodSync(path, 0);
    // Root reads everything.
    const outcome = process.getuid?.() === 0 ? 'EACCES' : refusal(path);
    expect(outcome).toContain('EACCES');
    chmodSync(path, 0o600);
  });
});

describe('credentialsOf', () => {
  test('none', () => {
    expect(credentialsOf({})).toEqual({ username: undefined, password: undefined });
  });

  test('from the environment, or from a file, which counts more', () => {
    const path = fileWith('from-file\n');
    expect(credentialsOf({ 'redis-password': 'from-environment' }).password).toBe('from-environment');
    expect(credentialsOf({ 'redis-password': 'from-environment', 'redis-password-file': path })).toEqual({
      username: undefined,
      password: 'from-file',
    });
  });

  test('with a user; a user alone is refused', () => {
    const path = fileWith('secret');
    expect(credentialsOf({ 'redis-username': 'app', 'redis-password-file': path })).toEqual({
      username: 'app',
      password: 'secret',
    });
    expect(() => credentialsOf({ 'redis-username': 'app' })).toThrow(
      new UsageError('--redis-username is given without a password; add --redis-password-file'),
    );
  });
});
