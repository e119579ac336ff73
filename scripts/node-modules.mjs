// How a bundle gets at the modules of Node itself: by require, and at some of them only when they are used.
import { isBuiltin } from 'node:module';

/**
 * Libraries ask for them in case of TLS, of a script, of a mistake; most sidecars use none. To load all of these takes 8 MB and
 * 15 ms on Node 24 (docs/adr/0013-memory.md).
 */
const late = new Set(['node:assert', 'node:crypto', 'node:tls']);

const namespace = 'node-modules';

/**
 * Stands for a module until it is called, or one of its names is looked for: a name that is not here is looked for in the proxy.
 * All names of `node:assert` are functions, and yargs looks for some long before it calls them.
 */
const lateModule = (name) => `const load = () => require('${name}');
const named = (key) => ${name === 'node:assert' ? '(...values) => load()[key](...values)' : 'load()[key]'};
module.exports = Object.setPrototypeOf((...values) => load()(...values), new Proxy({}, {
  get: (_, key) => (key === '__esModule' ? undefined : named(key)),
}));`;

/**
 * Stands for a module that is imported by name. esbuild looks at each name that a module has by itself, and Node 24 loads what stands
 * behind some of them when they are looked at: those of `node:util` cost 2 MB. This one has none, and finds them all.
 */
const namedModule = (name) => `const real = require('${name}');
module.exports = typeof real === 'function' ? real : Object.create(real);`;

/**
 * A plugin of esbuild. An ES module that imports one of Node's modules loads all that its names lead to: those of `node:http` lead to
 * `fetch`, those of `node:crypto` to WebCrypto. `require` loads what is used. And what stands in a file that is imported late stays late.
 */
export const nodeModules = {
  name: namespace,
  setup(build) {
    build.onResolve({ filter: /^[a-z]/ }, ({ path, kind, namespace: from }) => {
      if (!isBuiltin(path)) return undefined;
      const name = path.startsWith('node:') ? path : `node:${path}`;
      const isItself = from === namespace || (kind === 'require-call' && !late.has(name));
      return isItself ? { path: name, external: true } : { path: name, namespace };
    });
    build.onLoad({ filter: /./, namespace }, ({ path }) => ({
      contents: late.has(path) ? lateModule(path) : namedModule(path),
    }));
  },
};
