// Who may import whom (docs/ARCHITECTURE.md tells why). ESLint checks single files; this checks the graph.
const inPackage = (name) => `^packages/${name}/`;
const library = (name) => `(^|/)node_modules/${name}/`;

export default {
  forbidden: [
    {
      name: 'core-imports-nothing',
      comment: 'The core is pure: it imports its own files only, no package and no node:* module.',
      severity: 'error',
      from: { path: '^packages/core/src/' },
      to: { pathNot: '^packages/core/src/' },
    },
    {
      name: 'runtime-imports-only-core',
      severity: 'error',
      from: { path: '^packages/runtime/src/' },
      to: { path: '^packages/', pathNot: ['^packages/runtime/src/', '^packages/core/src/'] },
    },
    {
      name: 'kubernetes-imports-nothing',
      comment:
        'It is loaded only when a flag asks for it, and knows nothing of the protocol: node modules and its own files.',
      severity: 'error',
      from: { path: '^packages/kubernetes/src/' },
      to: { dependencyTypesNot: ['core'], pathNot: '^packages/kubernetes/src/' },
    },
    {
      name: 'kubernetes-only-in-the-sidecar',
      comment: 'Types may be imported; the code is loaded when a flag asks for it (packages/sentinel/src/kube).',
      severity: 'error',
      from: {
        path: '^packages/',
        pathNot: [inPackage('kubernetes'), '^packages/sentinel/src/kube/', '^packages/[^/]+/test/'],
      },
      to: { path: inPackage('kubernetes') },
    },
    {
      name: 'binaries-are-separate',
      comment: 'make-slave and sentinel ship in different images: what both need belongs in core or runtime.',
      severity: 'error',
      from: { path: '^packages/(make-slave|sentinel)/' },
      to: { path: '^packages/(make-slave|sentinel)/', pathNot: '^packages/$1/' },
    },
    {
      name: 'simulator-imports-only-core',
      comment: 'It runs the pure core, and nothing of it ships.',
      severity: 'error',
      from: { path: '^packages/simulator/src/' },
      to: { path: '^packages/', pathNot: ['^packages/simulator/src/', '^packages/core/src/'] },
    },
    {
      name: 'simulator-is-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: [inPackage('simulator'), '^packages/[^/]+/test/'] },
      to: { path: inPackage('simulator') },
    },
    {
      name: 'faults-imports-only-testkit',
      comment: 'It looks at the programs from outside, as their users do. The same holds for clients and containers.',
      severity: 'error',
      from: { path: '^packages/(faults|clients|containers)/src/' },
      to: { path: '^packages/', pathNot: ['^packages/$1/src/', '^packages/testkit/src/'] },
    },
    {
      name: 'faults-is-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: [inPackage('faults'), '^packages/[^/]+/test/'] },
      to: { path: inPackage('faults') },
    },
    {
      name: 'clients-is-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: [inPackage('clients'), '^packages/[^/]+/test/'] },
      to: { path: inPackage('clients') },
    },
    {
      name: 'containers-is-for-tests',
      severity: 'error',
      from: { path: '^packages/', pathNot: [inPackage('containers'), '^packages/[^/]+/test/'] },
      to: { path: inPackage('containers') },
    },
    {
      name: 'bench-imports-only-core-and-testkit',
      comment: 'It looks at the programs from outside; only the speed of the core itself is measured from inside.',
      severity: 'error',
      from: { path: '^bench/src/' },
      to: { path: '^packages/', pathNot: ['^packages/(core|testkit)/src/'] },
    },
    {
      name: 'testkit-is-for-tests',
      severity: 'error',
      from: {
        path: '^packages/',
        pathNot: [inPackage('testkit'), inPackage('(faults|clients|containers)'), '^packages/[^/]+/test/'],
      },
      to: { path: inPackage('testkit') },
    },
    {
      name: 'no-import-of-tests',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/' },
      to: { path: '(^packages/[^/]+/test/|^tests/)' },
    },
    {
      name: 'ioredis-only-in-runtime',
      comment:
        'All settings of the Redis client are chosen in one place. The testkit needs a client of its own, and clients tries it.',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: ['^packages/(runtime|testkit|clients)/src/'] },
      to: { path: library('ioredis') },
    },
    {
      name: 'winston-only-in-runtime',
      severity: 'error',
      from: { path: '^packages/', pathNot: '^packages/runtime/src/' },
      to: { path: library('winston') },
    },
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'not-to-unresolvable',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules'] },
    exclude: { path: '(^|/)(dist|\\.cache)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.base.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['dev', 'node', 'import', 'types', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json'],
    },
  },
};
