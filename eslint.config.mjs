// The import rules are stated twice on purpose: here per file, shown in the editor, and in .dependency-cruiser.mjs for
// the whole graph. tests/import-rules.test.ts shows that each of them fails when it is broken.
import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const mainFiles = [
  'packages/sentinel/src/main.ts',
  'packages/make-slave/src/main.ts',
  'packages/testkit/src/main.ts',
  'packages/testkit/src/**/main.ts',
  'packages/simulator/src/main.ts',
  'packages/faults/src/**/main.ts',
  'packages/clients/src/**/main.ts',
  'packages/containers/src/**/main.ts',
  'bench/src/main.ts',
];

const clientLibrary = {
  ioredis: 'Only packages/runtime (and the testkit) talks to Redis: go through its ports.',
  winston: 'Only packages/runtime logs: take a logger as a parameter.',
};
const processModule = ['process', 'node:process'].map((name) => ({
  name,
  message: 'Only main files read argv and env, or exit: take what you need as a parameter.',
}));

/** Rule options for the sources of a package that may use `allowed` of the restricted libraries. */
function restrictedImports(allowed, { mayUseProcess = false } = {}) {
  const libraries = Object.entries(clientLibrary).filter(([name]) => !allowed.includes(name));
  return [
    'error',
    {
      paths: [...libraries.map(([name, message]) => ({ name, message })), ...(mayUseProcess ? [] : processModule)],
      patterns: libraries.map(([name, message]) => ({ group: [`${name}/*`], message })),
    },
  ];
}

const restrictedProcess = ['argv', 'env', 'exit', 'exitCode'].map((property) => ({
  object: 'process',
  property,
  message: 'Only main files read argv and env, or exit: take what you need as a parameter.',
}));

const noClock = 'The core is pure: time comes in as a number.';
const coreGlobals = [
  ...['Date', 'performance', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask'].map((name) => ({
    name,
    message: noClock,
  })),
  ...['process', 'console', 'fetch', 'crypto', 'Buffer', 'require'].map((name) => ({
    name,
    message: 'The core is pure: no I/O, no environment.',
  })),
];

export default defineConfig(
  { ignores: ['**/dist/', '**/node_modules/', '.cache/', 'coverage/'] },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.mjs'],
    languageOptions: {
      globals: Object.fromEntries(
        ['process', 'console', 'Buffer', 'URL', 'setTimeout', 'clearTimeout', 'AbortSignal', 'fetch'].map((n) => [
          n,
          'readonly',
        ]),
      ),
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: false, requireDefaultForNonUnion: true },
      ],
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      // Numbers read well in messages; objects and undefined do not.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      // `() => emitter.emit()` is clear enough.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A check with false alarms: winston's own transports do not pass it.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // `x == null` says "null or undefined".
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 400, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'bench/src/**/*.ts'],
    rules: {
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['packages/*/src/**/*.ts', 'bench/src/**/*.ts'],
    ignores: mainFiles,
    rules: { 'no-restricted-properties': ['error', ...restrictedProcess] },
  },
  {
    files: ['packages/make-slave/src/**/*.ts', 'packages/sentinel/src/**/*.ts'],
    rules: { 'no-restricted-imports': restrictedImports([]) },
  },
  {
    files: ['packages/runtime/src/**/*.ts'],
    rules: { 'no-restricted-imports': restrictedImports(['ioredis', 'winston']) },
  },
  {
    files: ['packages/kubernetes/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        {
          paths: processModule,
          patterns: [{ regex: '^(?!\\.{1,2}/|node:)', message: 'Only modules of Node and its own files.' }],
        },
      ],
    },
  },
  {
    files: ['packages/simulator/src/**/*.ts'],
    rules: {
      'no-restricted-imports': restrictedImports([]),
      'no-restricted-globals': [
        'error',
        {
          globals: ['Date', 'setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'crypto'].map((name) => ({
            name,
            message: 'A run depends on its seed and on nothing else.',
          })),
          checkGlobalObject: true,
        },
      ],
    },
  },
  {
    files: ['packages/simulator/src/**/*.ts'],
    ignores: mainFiles,
    rules: {
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'A run depends on its seed and on nothing else.' },
        ...restrictedProcess,
      ],
    },
  },
  {
    files: ['packages/testkit/src/**/*.ts'],
    rules: { 'no-restricted-imports': restrictedImports(['ioredis']) },
  },
  {
    files: ['packages/faults/src/**/*.ts', 'packages/containers/src/**/*.ts', 'bench/src/**/*.ts'],
    rules: { 'no-restricted-imports': restrictedImports([]) },
  },
  {
    files: ['packages/clients/src/**/*.ts'],
    rules: { 'no-restricted-imports': restrictedImports(['ioredis']) },
  },
  {
    // Their own block, after the packages': a main file may import the process module.
    files: mainFiles,
    rules: { 'no-restricted-imports': restrictedImports([], { mayUseProcess: true }) },
  },
  {
    files: ['packages/testkit/src/main.ts', 'packages/testkit/src/**/main.ts'],
    rules: { 'no-restricted-imports': restrictedImports(['ioredis'], { mayUseProcess: true }) },
  },
  {
    files: ['packages/core/src/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^(?!\\.{1,2}/)', message: 'The core imports nothing but its own files.' }] },
      ],
      'no-restricted-globals': ['error', { globals: coreGlobals, checkGlobalObject: true }],
      'no-restricted-properties': [
        'error',
        { object: 'Math', property: 'random', message: 'The core is pure: randomness comes in as a number.' },
        ...restrictedProcess,
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ImportExpression', message: 'The core imports nothing but its own files.' },
      ],
    },
  },
  {
    // A test tells its story in one piece, and builds odd values to show that they are refused.
    files: ['packages/*/test/**/*.ts', 'bench/test/**/*.ts', 'tests/**/*.ts'],
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
);
