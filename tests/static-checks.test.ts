// Shows that the checks of style, types and unused code fail when they should.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { SampleTree, lint, setUpTimeoutMs } from './support/sample-tree.ts';

const lines = (count: number, line: string): string => `${line}\n`.repeat(count);

const samples = {
  'packages/runtime/src/floating.ts': 'export function start(): void {\n  Promise.resolve(1);\n}\n',
  'packages/runtime/src/misused.ts':
    'export const start = (run: (done: () => void) => void): void => {\n  run(async () => {\n    await Promise.resolve();\n  });\n};\n',
  'packages/runtime/src/switch.ts':
    "export function say(x: 'a' | 'b'): string {\n  switch (x) {\n    case 'a':\n      return 'A';\n  }\n  return '';\n}\n",
  'packages/runtime/src/type-import.ts':
    "import { AddressInfo } from 'node:net';\nexport const port = (address: AddressInfo): number => address.port;\n",
  'packages/runtime/src/any.ts': 'export const parse = (text: string): number => JSON.parse(text).length;\n',
  'packages/runtime/src/long-file.ts': lines(401, 'export {};'),
  'packages/runtime/src/long-function.ts': `export function long(x: { n: number }): void {\n${lines(70, '  x.n++;')}}\n`,
  'packages/runtime/src/style.ts': 'export const style = "double quotes"\n',
  'packages/runtime/src/unused-file.ts': 'export const nobody = 1;\n',
};

let tree: SampleTree;
let findings: Map<string, string[]>;

beforeAll(async () => {
  tree = new SampleTree(samples);
  findings = await lint(tree);
}, setUpTimeoutMs);
afterAll(() => {
  tree.remove();
});

test.each([
  ['packages/runtime/src/floating.ts', '@typescript-eslint/no-floating-promises'],
  ['packages/runtime/src/misused.ts', '@typescript-eslint/no-misused-promises'],
  ['packages/runtime/src/switch.ts', '@typescript-eslint/switch-exhaustiveness-check'],
  ['packages/runtime/src/type-import.ts', '@typescript-eslint/consistent-type-imports'],
  ['packages/runtime/src/any.ts', '@typescript-eslint/no-unsafe-member-access'],
  ['packages/runtime/src/long-file.ts', 'max-lines'],
  ['packages/runtime/src/long-function.ts', 'max-lines-per-function'],
])('ESLint: %s breaks %s', (file, rule) => {
  expect(findings.get(file)).toContain(rule);
});

test('Prettier refuses other quotes and missing semicolons', async () => {
  const { exitCode, stdout } = await tree.check('prettier/bin/prettier.cjs', ['--list-different', 'packages']);
  expect(exitCode).toBe(1);
  expect(stdout.trim().split('\n')).toContain('packages/runtime/src/style.ts');
});

test('the compiler refuses an import type written as a value import', async () => {
  const { exitCode, stdout } = await tree.check('typescript/bin/tsc', ['-p', 'packages/runtime', '--pretty', 'false']);
  expect(exitCode).not.toBe(0);
  expect(stdout).toMatch(/type-import\.ts.*TS1484/);
});

test('knip finds files and dependencies that nobody uses', async () => {
  const { exitCode, stdout } = await tree.check('knip/bin/knip.js', ['--no-progress', '--reporter=json']);
  expect(exitCode).toBe(1);
  expect(stdout).toContain('packages/runtime/src/unused-file.ts');
  expect(stdout).toContain('valibot');
});
