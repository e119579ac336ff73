// Compiles NAME.cjs for the Node that runs this, and puts the code into NAME.cache beside it: `node make.mjs NAME.cjs`.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { labelOf } from './label.mjs';

const [, , file] = process.argv;
const text = readFileSync(file, 'latin1');
// All of its functions, not only those that run when it is loaded.
setFlagsFromString('--no-lazy');
const script = new Script(text, { filename: file });
// The flags are part of the code: they have to be those of a start.
setFlagsFromString('--lazy');
const cache = file.replace(/\.cjs$/, '.cache');
writeFileSync(`${cache}.tmp`, Buffer.concat([Buffer.from(labelOf(text), 'latin1'), script.createCachedData()]));
renameSync(`${cache}.tmp`, cache);
