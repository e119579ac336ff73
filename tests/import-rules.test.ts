// Shows that each rule about who may import what, and who may touch the process, fails when it is broken.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { SampleTree, lint, setUpTimeoutMs } from './support/sample-tree.ts';

/** [file, its text, the ESLint rules it must break] */
const lintSamples: readonly (readonly [string, string, readonly string[]])[] = [
  ['packages/core/src/date.ts', 'export const now = Date.now();\n', ['no-restricted-globals']],
  ['packages/core/src/new-date.ts', 'export const now = new Date();\n', ['no-restricted-globals']],
  ['packages/core/src/global-date.ts', 'export const now = globalThis.Date.now();\n', ['no-restricted-globals']],
  ['packages/core/src/random.ts', 'export const dice = Math.random();\n', ['no-restricted-properties']],
  ['packages/core/src/node-module.ts', "export { join } from 'node:path';\n", ['no-restricted-imports']],
  ['packages/core/src/library.ts', "export { Redis } from 'ioredis';\n", ['no-restricted-imports']],
  ['packages/core/src/sibling.ts', "export { answer } from '@sentinel-micro/runtime';\n", ['no-restricted-imports']],
  ['packages/core/src/dynamic.ts', "export const core = await import('./index.ts');\n", ['no-restricted-syntax']],
  ['packages/runtime/src/argv.ts', 'export const args = process.argv;\n', ['no-restricted-properties']],
  ['packages/runtime/src/env.ts', "export const home = process.env['HOME'];\n", ['no-restricted-properties']],
  ['packages/sentinel/src/exit.ts', 'process.exit(1);\n', ['no-restricted-properties']],
  ['packages/make-slave/src/exit-code.ts', 'process.exitCode = 1;\n', ['no-restricted-properties']],
  ['packages/sentinel/src/process.ts', "export { argv } from 'node:process';\n", ['no-restricted-imports']],
  ['packages/sentinel/src/redis.ts', "export { Redis } from 'ioredis';\n", ['no-restricted-imports']],
  ['packages/make-slave/src/log.ts', "export { createLogger } from 'winston';\n", ['no-restricted-imports']],
  ['packages/testkit/src/log.ts', "export { createLogger } from 'winston';\n", ['no-restricted-imports']],
  ['packages/kubernetes/src/library.ts', "export { Redis } from 'ioredis';\n", ['no-restricted-imports']],
  [
    'packages/kubernetes/src/sibling.ts',
    "export { answer } from '@sentinel-micro/runtime';\n",
    ['no-restricted-imports'],
  ],
  ['packages/kubernetes/src/env.ts', "export { env } from 'node:process';\n", ['no-restricted-imports']],
  ['packages/sentinel/src/main.ts', 'process.exitCode = process.argv.length;\n', []],
  ['packages/testkit/src/demo/main.ts', 'process.exitCode = process.argv.length;\n', []],
  ['packages/runtime/src/redis.ts', "export { Redis } from 'ioredis';\n", []],
  ['packages/runtime/src/log.ts', "export { createLogger } from 'winston';\n", []],
  ['packages/testkit/src/redis.ts', "export { Redis } from 'ioredis';\n", []],
  ['packages/kubernetes/src/down.ts', "export { request } from 'node:https';\n", []],
];
// The core's compiler does not know these either.
const nodeGlobals = ['setTimeout', 'setInterval', 'performance', 'process', 'console'];

/** [rule of dependency-cruiser, file, its text] */
const importSamples: readonly (readonly [string, string, string])[] = [
  ['core-imports-nothing', 'packages/core/src/node-module.ts', "export { join } from 'node:path';\n"],
  ['core-imports-nothing', 'packages/core/src/library.ts', "export { Redis } from 'ioredis';\n"],
  ['core-imports-nothing', 'packages/core/src/sibling.ts', "export { answer } from '@sentinel-micro/runtime';\n"],
  ['runtime-imports-only-core', 'packages/runtime/src/up.ts', "export { answer } from '@sentinel-micro/sentinel';\n"],
  [
    'kubernetes-imports-nothing',
    'packages/kubernetes/src/up.ts',
    "export { answer } from '@sentinel-micro/runtime';\n",
  ],
  ['kubernetes-imports-nothing', 'packages/kubernetes/src/library.ts', "export { Redis } from 'ioredis';\n"],
  [
    'kubernetes-only-in-the-sidecar',
    'packages/sentinel/src/api.ts',
    "export { answer } from '@sentinel-micro/kubernetes';\n",
  ],
  [
    'kubernetes-only-in-the-sidecar',
    'packages/make-slave/src/api.ts',
    "export { answer } from '@sentinel-micro/kubernetes';\n",
  ],
  ['binaries-are-separate', 'packages/sentinel/src/other.ts', "export { answer } from '@sentinel-micro/make-slave';\n"],
  ['binaries-are-separate', 'packages/make-slave/src/other.ts', "export { answer } from '@sentinel-micro/sentinel';\n"],
  [
    'binaries-are-separate',
    'packages/make-slave/src/path.ts',
    "export { answer } from '../../sentinel/src/index.ts';\n",
  ],
  ['testkit-is-for-tests', 'packages/sentinel/src/kit.ts', "export { answer } from '@sentinel-micro/testkit';\n"],
  ['testkit-is-for-tests', 'packages/core/src/kit.ts', "export type { answer } from '@sentinel-micro/testkit';\n"],
  ['faults-is-for-tests', 'packages/testkit/src/suite.ts', "export { answer } from '@sentinel-micro/faults';\n"],
  ['faults-imports-only-testkit', 'packages/faults/src/core.ts', "export { answer } from '@sentinel-micro/core';\n"],
  ['no-import-of-tests', 'packages/runtime/src/fake.ts', "export { fake } from '../test/fake.ts';\n"],
  ['ioredis-only-in-runtime', 'packages/sentinel/src/redis.ts', "export { Redis } from 'ioredis';\n"],
  ['winston-only-in-runtime', 'packages/testkit/src/log.ts', "export { createLogger } from 'winston';\n"],
  ['no-circular', 'packages/runtime/src/egg.ts', "export { hen } from './hen.ts';\nexport const egg = 1;\n"],
  ['not-to-unresolvable', 'packages/runtime/src/typo.ts', "export { x } from './not-there.ts';\n"],
];
const allowedImports = {
  'packages/kubernetes/src/down.ts': "export { request } from 'node:https';\n",
  'packages/sentinel/src/kube/down.ts': "export { answer } from '@sentinel-micro/kubernetes';\n",
  'packages/sentinel/test/kit.ts': "export { answer } from '@sentinel-micro/testkit';\n",
  'packages/faults/src/kit.ts': "export { answer } from '@sentinel-micro/testkit';\n",
  'packages/sentinel/src/down.ts': "export { answer } from '@sentinel-micro/runtime';\n",
  'packages/runtime/src/down.ts': "export { answer } from '@sentinel-micro/core';\n",
  'packages/runtime/src/redis.ts': "export { Redis } from 'ioredis';\n",
  'packages/testkit/src/redis.ts': "export { Redis } from 'ioredis';\n",
};

describe('ESLint, file by file', () => {
  let tree: SampleTree;
  let findings: Map<string, string[]>;

  beforeAll(async () => {
    tree = new SampleTree({
      ...Object.fromEntries(lintSamples.map(([file, text]) => [file, text])),
      ...Object.fromEntries(
        nodeGlobals.map((name) => [`packages/core/src/global-${name}.ts`, `export const it: unknown = ${name};\n`]),
      ),
    });
    findings = await lint(tree);
  }, setUpTimeoutMs);
  afterAll(() => {
    tree.remove();
  });

  test.each(lintSamples)('%s: %j breaks %j', (file, _text, rules) => {
    expect(findings.get(file)).toEqual(rules);
  });

  test.each(nodeGlobals)('the core may not use %s', (name) => {
    expect(findings.get(`packages/core/src/global-${name}.ts`)).toContain('no-restricted-globals');
  });
});

describe('the compiler, for the core', () => {
  // Apart from the samples above: a library that names node's types would bring all of its globals in.
  const names = [...nodeGlobals, 'node:path'];
  let tree: SampleTree;
  let output: string;

  beforeAll(async () => {
    tree = new SampleTree({
      'packages/core/src/globals.ts': `export const all: unknown[] = [${nodeGlobals.join(', ')}];\n`,
      'packages/core/src/node-module.ts': "export { join } from 'node:path';\n",
    });
    output = (await tree.check('typescript/bin/tsc', ['-p', 'packages/core', '--pretty', 'false'])).stdout;
  }, setUpTimeoutMs);
  afterAll(() => {
    tree.remove();
  });

  test.each(names)('%s does not even compile', (name) => {
    expect(output).toMatch(new RegExp(`Cannot find (name|module) '${name}'`));
  });
});

describe('dependency-cruiser, over the whole graph', () => {
  let tree: SampleTree;
  let violations: { rule: string; from: string }[];

  beforeAll(async () => {
    tree = new SampleTree({
      ...Object.fromEntries(importSamples.map(([, file, text]) => [file, text])),
      'packages/runtime/src/hen.ts': "export { egg } from './egg.ts';\nexport const hen = 1;\n",
      'packages/runtime/test/fake.ts': 'export const fake = 1;\n',
      ...allowedImports,
    });
    const { stdout } = await tree.check('dependency-cruiser/bin/dependency-cruise.mjs', [
      ...['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'packages'],
    ]);
    const report = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
    violations = report.summary.violations.map(({ from, rule }) => ({ rule: rule.name, from }));
  }, setUpTimeoutMs);
  afterAll(() => {
    tree.remove();
  });

  test.each(importSamples)('%s is broken by %s', (rule, file) => {
    expect(violations).toContainEqual({ rule, from: file });
  });

  test('what is allowed breaks nothing', () => {
    const files = Object.keys(allowedImports);
    expect(violations.filter(({ from }) => files.includes(from))).toEqual([]);
  });
});
