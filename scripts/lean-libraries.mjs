// What the programs in the images do without of the libraries that they are made of (docs/adr/0013-memory.md).

/** Used for a text of help alone. To load it, and ICU's tables with it, takes 25 ms of a start on Node 20. */
const LATE = new Set(['cliui', 'string-width']);

/** Stand-ins: for whom, what is asked for, and what is got. */
const STAND_INS = [
  {
    // yargs looks for a package.json in all folders above, to say in --version what stands in it. Above a bundle there is none.
    from: /[\\/]yargs[\\/]/,
    path: 'escalade/sync',
    contents: "export default () => { throw new Error('a bundle has no package.json'); };",
  },
  {
    // ioredis makes 800 methods of it, three times. packages/runtime uses `call` alone.
    from: /[\\/]ioredis[\\/]built[\\/]utils[\\/]Commander\.js$/,
    path: '@ioredis/commands',
    contents: 'exports.list = [];',
  },
  {
    // Redis Cluster, which the sidecar has nothing to do with.
    from: /[\\/]ioredis[\\/]built[\\/](index|Redis)\.js$/,
    path: './cluster',
    contents: 'exports.default = undefined;',
  },
  {
    // The colours of the levels: nothing is coloured, but the terminal is looked at for what it can.
    from: /[\\/]logform[\\/]index\.js$/,
    path: './levels',
    contents: 'module.exports = (levels) => levels;',
  },
];

const late = 'late-library';
const standIn = 'stand-in';
const filter = /^(cliui|string-width|escalade\/sync|@ioredis\/commands|\.\/cluster|\.\/levels)$/;

/** A plugin of esbuild. */
export const leanLibraries = {
  name: 'lean-libraries',
  setup(build) {
    build.onResolve({ filter }, ({ path, importer, resolveDir }) => {
      if (LATE.has(path) && /[\\/]yargs[\\/]/.test(importer)) return { path, namespace: late, pluginData: resolveDir };
      const found = STAND_INS.find((one) => one.path === path && one.from.test(importer));
      return found && { path, namespace: standIn, pluginData: found.contents };
    });
    build.onLoad({ filter, namespace: late }, ({ path, pluginData: resolveDir }) => ({
      contents: `export default (...values) => require('${path}').default(...values);`,
      resolveDir,
    }));
    build.onLoad({ filter, namespace: standIn }, ({ pluginData: contents }) => ({ contents }));
  },
};
