// Starts the program beside this file: NAME.cjs for NAME.mjs. With the code in NAME.cache, if this very Node has made it of this very text
// (docs/adr/0013-memory.md); without, it only takes longer.
import { LABEL_BYTES, labelOf } from './label.mjs';

const { readFileSync } = process.getBuiltinModule('node:fs');
const { Script } = process.getBuiltinModule('node:vm');

const base = import.meta.filename.slice(0, -'.mjs'.length);

function codeOf(text) {
  try {
    const cache = readFileSync(`${base}.cache`);
    if (cache.toString('latin1', 0, LABEL_BYTES) === labelOf(text)) return cache.subarray(LABEL_BYTES);
  } catch {
    // It is not there, or can not be read: compiling does as well.
  }
  return undefined;
}

const filename = `${base}.cjs`;
const text = readFileSync(filename, 'latin1');
const cachedData = codeOf(text);
const run = new Script(text, { filename, cachedData }).runInThisContext();
run(process.getBuiltinModule('node:module').createRequire(import.meta.url), import.meta.url);
