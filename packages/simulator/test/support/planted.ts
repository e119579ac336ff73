// Cores with a fault planted in them: the sources of the real one with one piece of text replaced, bundled and loaded.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type { Core, FaultKind } from '../../src/index.ts';

const coreSources = path.resolve(import.meta.dirname, '../../../core/src');

/** In which file of the core, which text, and what stands there instead. */
interface Edit {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** One fault. */
export interface PlantedFault extends Edit {
  readonly name: string;
  /** A second defence that covers the same and is switched off with it; without that, nothing would show. */
  readonly also?: readonly Edit[];
  /** A story that brings it to light, instead of drawn faults. */
  readonly scenario?: string;
  /** Which faults of the world bring it to light; all of them, in time, but these sooner. */
  readonly only?: readonly FaultKind[];
  readonly pods?: number;
  /** What decides who has the lease; the peers, unless said otherwise. */
  readonly leaseStore?: 'kubernetes';
  /** The search starts here: it would find the fault from 1 on too, only later. */
  readonly from?: number;
}

function edited(text: string, { file, find, replace }: Edit): string {
  if (text.split(find).length !== 2) throw new Error(`${file} has not exactly one ${find}`);
  // A function, so that $ in the text means nothing.
  return text.replace(find, () => replace);
}

function planting(fault: PlantedFault): Plugin {
  const edits = [fault, ...(fault.also ?? [])];
  return {
    name: 'planted-fault',
    setup(context) {
      context.onLoad({ filter: /packages[\\/]core[\\/]src[\\/].*\.ts$/ }, ({ path: file }) => {
        const text = readFileSync(file, 'utf8');
        const here = edits.filter((edit) => path.join(coreSources, edit.file) === file);
        return { contents: here.reduce(edited, text), loader: 'ts' };
      });
    },
  };
}

/** Builds and loads the core with one fault in it. */
export async function coreWith(fault: PlantedFault): Promise<Core> {
  const folder = mkdtempSync(path.join(tmpdir(), 'planted-'));
  try {
    const outfile = path.join(folder, 'core.mjs');
    const result = await build({
      entryPoints: [path.join(coreSources, 'index.ts')],
      bundle: true,
      write: false,
      format: 'esm',
      outfile,
      logLevel: 'silent',
      plugins: [planting(fault)],
    });
    writeFileSync(outfile, result.outputFiles[0]?.text ?? '');
    return (await import(pathToFileURL(outfile).href)) as Core;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
