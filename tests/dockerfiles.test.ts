import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { checkDockerfile, isIgnored, type Surroundings } from './support/dockerfile.ts';

const root = path.dirname(import.meta.dirname);
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const dockerignore = read('.dockerignore');
const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };

const programs = ['make-slave', 'sentinel'];
const bundleOf = (program: string): string => `packages/${program}/dist/${program}.mjs`;
const dockerfileOf = (program: string): string => read(`docker/${program}/Dockerfile`);

const surroundings: Surroundings = {
  buildOutputs: [
    ...programs.flatMap((program) => ['', '.LEGAL.txt', '.cdx.json'].map((end) => `${bundleOf(program)}${end}`)),
    'packages/make-slave/dist/make-slave.cjs',
  ],
  npmFiles: ['package.json', 'package-lock.json', '.npmrc', ...workspaces.map((folder) => `${folder}/package.json`)],
  inContext: (file) => existsSync(path.join(root, file)) && !isIgnored(dockerignore, file),
};

describe.each(programs)('docker/%s/Dockerfile', (program) => {
  test('is as it has to be', () => {
    expect(checkDockerfile(dockerfileOf(program), surroundings)).toEqual([]);
  });

  describe('of the build', () => {
    beforeAll(() => {
      execFileSync(process.execPath, ['scripts/build.mjs'], { cwd: root });
    });

    test('the copied files are there', () => {
      const files = surroundings.buildOutputs.filter((file) => file.startsWith(`packages/${program}/`));
      expect(files.map((file) => [file, existsSync(path.join(root, file))])).toEqual(files.map((file) => [file, true]));
    });
  });
});

test('both Dockerfiles have the same build stage, so that it is built once', () => {
  const [first, second] = programs.map((program) => /^FROM [^]*?^RUN npm run build$/m.exec(dockerfileOf(program))?.[0]);
  expect(first).toMatch(/npm run build/);
  expect(second).toBe(first);
});

test('only the sidecar has a command of its own, and it is run', () => {
  expect(dockerfileOf('sentinel')).toMatch(/^CMD \["run"\]$/m);
  expect(dockerfileOf('make-slave')).not.toMatch(/^CMD/m);
});

test('the build context has what the build reads, and nothing that this machine made', () => {
  const needed = [
    'scripts/build.mjs',
    'tsconfig.base.json',
    'packages/sentinel/tsconfig.json',
    'packages/sentinel/src',
  ];
  for (const file of needed) expect([file, surroundings.inContext(file)]).toEqual([file, true]);
  const unwanted = ['.git/config', 'node_modules/yargs', 'packages/sentinel/node_modules/x', 'packages/core/dist/x.js'];
  for (const file of [...unwanted, 'packages/core/test/x.ts', '.env', 'a/tls.key']) {
    expect([file, isIgnored(dockerignore, file)]).toEqual([file, true]);
  }
});

/** Each row breaks the sidecar's Dockerfile in one way, and tells the only complaint that has to follow. */
const mutations: [what: string, from: string | RegExp, to: string, complaint: string][] = [
  ['a fixed base', 'FROM ${NODE_IMAGE}', 'FROM node:24', 'FROM node:24: the base has to be an ARG'],
  ['a base without default', /^ARG BUILD_IMAGE=.*$/m, '', 'ARG BUILD_IMAGE has no default before the first FROM'],
  ['an old Node', 'nodejs24-debian13', 'nodejs20-debian13', 'the base has to be of Node 24'],
  ['one stage', /^FROM \$\{NODE_IMAGE\}$/m, '', '1 stages; it has to be two or three'],
  ['a shell needed', 'USER 999:999', 'RUN true\nUSER 999:999', 'RUN has no place in the final stage'],
  ['a download', 'COPY LICENSE /app/', 'COPY LICENSE /app/\nADD x /app/', 'ADD has no place in the final stage'],
  ['root', 'USER 999:999', '', 'USER has to be two numbers other than 0'],
  ['root by number', 'USER 999:999', 'USER 0:0', 'USER has to be two numbers other than 0'],
  ['a user by name', 'USER 999:999', 'USER nonroot', 'USER has to be two numbers other than 0'],
  ['a shell', /^ENTRYPOINT.*$/m, 'ENTRYPOINT node /app/sentinel.mjs', 'ENTRYPOINT has to be a list'],
  ['no node', 'ENTRYPOINT ["node", ', 'ENTRYPOINT [', 'ENTRYPOINT has to start node'],
  ['another file', '"/app/sentinel.mjs"]', '"/app/main.mjs"]', 'ENTRYPOINT starts /app/main.mjs, which is not copied'],
  ['a command for a shell', 'CMD ["run"]', 'CMD run', 'CMD has to be a list'],
  ['development', 'NODE_ENV=production', 'NODE_ENV=development', 'NODE_ENV has to be production'],
  ['no revision', 'image.revision=', 'image.version=', 'no label org.opencontainers.image.revision'],
  ['no source', 'image.source=', 'image.url=', 'no label org.opencontainers.image.source'],
  ['no licences', /dist\/sentinel\.mjs\.LEGAL\.txt/, 'dist/sentinel.mjs', "the bundled packages' licences"],
  [
    'no bill of materials',
    /dist\/sentinel\.mjs\.cdx\.json/,
    'dist/sentinel.mjs',
    'the bill of materials is not copied',
  ],
  ['no licence of ours', /^COPY LICENSE.*$/m, '', 'our own LICENSE is not copied'],
  ['a file that is not there', 'COPY LICENSE /app/', 'COPY LICENSE NOTICE /app/', 'NOTICE is not in the build context'],
  ['a left-out file', 'COPY LICENSE /app/', 'COPY LICENSE docker /app/', 'docker is not in the build context'],
  [
    'a file that nobody makes',
    'COPY LICENSE /app/',
    'COPY LICENSE /app/\nCOPY --from=build /src/packages/sentinel/dist/x.mjs /app/',
    '/src/packages/sentinel/dist/x.mjs is not made by the build',
  ],
  ['a workspace left out', /^COPY packages\/core.*$/m, '', 'packages/core/package.json is not copied before npm ci'],
  ['no installation', /^RUN npm ci.*$/m, '', 'the order has to be npm ci, COPY . ., npm run build'],
];

/** The same for the stage of make-slave's that the sidecar's does not have. */
const codeMutations: typeof mutations = [
  ['code of another Node', '${NODE_IMAGE} AS code', '${BUILD_IMAGE} AS code', 'it has to be the base that runs'],
  ['a compiler that needs a shell', /^RUN \["node".*$/m, 'RUN node x.mjs', 'RUN node x.mjs has to be a list'],
  ['more than code', '--from=code /app/make-slave.cache', '--from=code /app/make-slave.cjs', "is not V8's code"],
];

test.each([
  ...mutations.map((row) => ['sentinel', ...row] as const),
  ...codeMutations.map((row) => ['make-slave', ...row] as const),
])("notices of %s's %s", (program, _what, from, to, complaint) => {
  const broken = dockerfileOf(program).replace(from, () => to);
  expect(broken).not.toBe(dockerfileOf(program));
  expect(checkDockerfile(broken, surroundings)).toContainEqual(expect.stringContaining(complaint));
});
