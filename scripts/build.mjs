// Bundles each program into one file that runs on a bare Node, with its licences and its bill of materials: `npm run build`.
// `npm run build -- --readable FOLDER` puts them into FOLDER as people can read them, each part below the name of its source.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { leanLibraries } from './lean-libraries.mjs';
import { nodeModules } from './node-modules.mjs';
import { root } from './process.mjs';
import { billOfMaterials, bundledPackages, legalText } from './sbom.mjs';

const run = promisify(execFile);

const programs = [
  {
    entry: 'packages/make-slave/src/main.ts',
    bundle: 'packages/make-slave/dist/make-slave.mjs',
    isLean: true,
    isScript: true,
  },
  { entry: 'packages/sentinel/src/main.ts', bundle: 'packages/sentinel/dist/sentinel.mjs', isLean: true },
  { entry: 'packages/testkit/src/demo/main.ts', bundle: 'packages/testkit/dist/demo.mjs' },
  { entry: 'packages/testkit/src/writers/main.ts', bundle: 'packages/testkit/dist/writer.mjs' },
  { entry: 'packages/faults/src/main.ts', bundle: 'packages/faults/dist/faults.mjs' },
  { entry: 'packages/faults/src/table/main.ts', bundle: 'packages/faults/dist/table.mjs' },
  { entry: 'packages/containers/src/main.ts', bundle: 'packages/containers/dist/containers.mjs' },
  { entry: 'packages/clients/src/main.ts', bundle: 'packages/clients/dist/clients.mjs' },
  { entry: 'packages/clients/src/program/main.ts', bundle: 'packages/clients/dist/client.mjs' },
  { entry: 'packages/clients/src/table/main.ts', bundle: 'packages/clients/dist/table.mjs' },
  { entry: 'bench/src/main.ts', bundle: 'bench/dist/bench.mjs' },
  { entry: 'packages/simulator/src/main.ts', bundle: 'packages/simulator/dist/simulate.mjs' },
];

// Node's own modules are got by require (node-modules.mjs); an ES module has none.
const moduleShape = {
  format: 'esm',
  banner: { js: "const require = process.getBuiltinModule('node:module').createRequire(import.meta.url);" },
};
/** What code-cache/start.mjs starts: V8 gives the code of a script out of hand, and takes it back; that of a module it does not. */
const scriptShape = {
  format: 'cjs',
  banner: { js: '(function (require, moduleUrl) {' },
  footer: { js: '})' },
};

/** Builds what has an entry point, and returns the paths of the bundles. @param readable where to put them, if they are to be read */
export async function build(readable = null) {
  // Imported late: this file is loaded before the modules are installed.
  const esbuild = await import('esbuild');
  const present = programs.filter(({ entry }) => existsSync(path.join(root, entry)));
  await Promise.all(present.map((program) => bundleOne(esbuild, program, readable)));
  return present.map(({ bundle }) => bundle);
}

async function bundleOne(esbuild, { entry, bundle, isLean = false, isScript = false }, readable) {
  const folder = readable ?? root;
  const result = await esbuild.build({
    ...(isScript ? scriptShape : moduleShape),
    ...common(readable === null),
    entryPoints: [entry],
    outfile: bundle,
    metafile: true,
    plugins: isLean ? [nodeModules, leanLibraries] : [nodeModules],
    define: {
      // Without it winston brings the colours of its own traces.
      'process.env.NODE_ENV': '"production"',
      ...(isScript ? { 'import.meta.url': 'moduleUrl' } : {}),
    },
  });
  const texts = Object.fromEntries(result.outputFiles.map((file) => [path.basename(file.path), file.text]));
  const name = path.basename(bundle);
  if (isScript) await writeScript(esbuild, folder, bundle, texts[name], readable === null);
  else writeWhole(folder, bundle, texts[name]);
  const packages = bundledPackages(result.metafile);
  writeWhole(folder, `${bundle}.LEGAL.txt`, legalText(packages, texts[`${name}.LEGAL.txt`] ?? ''));
  const program = JSON.parse(readFileSync(path.join(root, bundle, '../../package.json'), 'utf8'));
  writeWhole(folder, `${bundle}.cdx.json`, billOfMaterials(program, packages));
}

/** What all have in common. What is smaller is read sooner, and V8 keeps the text of a program. The names stay, for the traces of errors. */
const common = (isSmall) => ({
  absWorkingDir: root,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20',
  conditions: ['dev'],
  minifyWhitespace: isSmall,
  minifySyntax: isSmall,
  lineLimit: 160,
  legalComments: 'external',
  logLevel: 'warning',
});

/** The text, what starts it, and what this Node makes of it. */
async function writeScript(esbuild, folder, bundle, text, isCompiled) {
  // It is read byte by byte. What is made for people has the comments of the libraries.
  if (isCompiled && /[^\0-\x7f]/.test(text)) throw new Error(`${bundle} would have letters outside of ASCII`);
  const file = bundle.replace(/\.mjs$/, '.cjs');
  writeWhole(folder, file, `//${createHash('sha256').update(text).digest('hex')}\n${text}`);
  const starter = {
    ...common(true),
    legalComments: 'none',
    entryPoints: ['scripts/code-cache/start.mjs'],
    format: 'esm',
  };
  writeWhole(folder, bundle, (await esbuild.build(starter)).outputFiles[0].text);
  if (isCompiled)
    await run(process.execPath, ['scripts/code-cache/make.mjs', path.resolve(folder, file)], { cwd: root });
}

/** Programs of a running test may be started from the old file at this moment: never leave half a file there. */
function writeWhole(folder, file, text) {
  const target = path.resolve(folder, file);
  if (existsSync(target) && readFileSync(target, 'utf8') === text) return;
  mkdirSync(path.dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  writeFileSync(temporary, text);
  renameSync(temporary, target);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { readable = null } = parseArgs({ options: { readable: { type: 'string' } } }).values;
  const bundles = await build(readable);
  console.log(bundles.length > 0 ? `built ${bundles.join(', ')}` : 'nothing to build yet');
}
