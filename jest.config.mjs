// Jest runs the TypeScript sources as ES modules. The export condition `dev` makes `@sentinel-micro/*` resolve to
// src/index.ts, so no test ever sees a stale build. Start it through `npm test` or `npm run jest`: both pass the Node
// flag that ES modules need here.
export default {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['dev', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: [
    '<rootDir>/packages/*/test/**/*.test.ts',
    '<rootDir>/bench/test/**/*.test.ts',
    '<rootDir>/tests/**/*.test.ts',
  ],
  modulePathIgnorePatterns: ['<rootDir>/.cache/', '<rootDir>/packages/[^/]+/dist/', '<rootDir>/bench/dist/'],
  testTimeout: 30_000,
  maxWorkers: 2,
  transform: {
    '\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript' },
          transform: { verbatimModuleSyntax: true },
        },
      },
    ],
  },
};
