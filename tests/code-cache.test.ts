// V8's code for make-slave: it is used where it fits, and make-slave does the same without it.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { imageNodeFlags } from '@sentinel-micro/testkit';

const root = path.dirname(import.meta.dirname);
const dist = path.join(root, 'packages/make-slave/dist');
let folder = '';
const inFolder = (end: string): string => path.join(folder, `make-slave${end}`);

beforeAll(() => {
  execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
});
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sentinel-micro-code-'));
  for (const end of ['.mjs', '.cjs', '.cache']) copyFileSync(path.join(dist, `make-slave${end}`), inFolder(end));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A spy before the program, on a Node of its own, tells whether there was code, and whether V8 took it. */
function start(): { readonly code: string; readonly status: number | null; readonly stderr: string } {
  const spy = `
    const vm = process.getBuiltinModule('node:vm');
    const { Script } = vm;
    vm.Script = class extends Script {
      constructor(text, options) {
        super(text, options);
        const how = options.cachedData === undefined ? 'none' : this.cachedDataRejected ? 'refused' : 'used';
        process.stdout.write('code: ' + how);
      }
    };`;
  const preload = path.join(folder, 'spy.cjs');
  writeFileSync(preload, spy);
  // As in the image: with a flag of V8's that the build does not give, the code would be refused.
  const args = [...imageNodeFlags('make-slave'), '--require', preload, inFolder('.mjs'), 'foo'];
  const { stdout, stderr, status } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    env: {},
    timeout: 20_000,
  });
  return { code: /code: (\w+)/.exec(stdout)?.[1] ?? stdout, status, stderr };
}

const change = (end: string, how: (bytes: Buffer) => Buffer): void =>
  writeFileSync(inFolder(end), how(readFileSync(inFolder(end))));
const replaced = (bytes: Buffer, from: string, to: string): Buffer =>
  Buffer.from(bytes.toString('latin1').replace(from, to), 'latin1');

test.each<[what: string, code: string, change: () => void]>([
  ['what the build has made', 'used', () => undefined],
  ['no code', 'none', () => rmSync(inFolder('.cache'))],
  ['an empty file', 'none', () => change('.cache', () => Buffer.alloc(0))],
  ['the code of another Node', 'none', () => change('.cache', (code) => replaced(code, process.version, 'v1.2.3'))],
  ['the code of another processor', 'none', () => change('.cache', (code) => replaced(code, process.arch, 'z80'))],
  // V8 alone would take it: the text is as long as before.
  ['the code of another text', 'none', () => change('.cjs', (text) => replaced(text, '//', '//0').subarray(0, -1))],
  ['half of the code', 'refused', () => change('.cache', (code) => code.subarray(0, code.length / 2))],
])('with %s: code %s, and the same answer', (_what, code, make) => {
  make();
  expect(start()).toEqual({
    code,
    status: 2,
    stderr: 'make-slave: make-slave takes no argument, but was given: foo\n',
  });
});
