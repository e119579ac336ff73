// Makes docs/faults.md: `npm run test:faults -- --table [--afresh] [FILE...]`. The files are results of this suite (--json) and
// reports of the simulator (--save FILE.json); what they hold is added to docs/faults.json, from which the page is made. With
// --afresh the runs of earlier builds are forgotten.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findRepositoryRoot, messageOf } from '@sentinel-micro/testkit';
import { JUDGED, pageOf } from './page.ts';
import {
  EMPTY_RECORD,
  addAll,
  formatRecord,
  readContent,
  withoutRunsOf,
  type FaultRecord,
  type Found,
} from './record.ts';

const docs = join(findRepositoryRoot(), 'docs');
const recordFile = join(docs, 'faults.json');
const pageFile = join(docs, 'faults.md');

function readRecord(): FaultRecord {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as FaultRecord) : EMPTY_RECORD;
}

function read(file: string): Found {
  try {
    return readContent(JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

try {
  const options = { afresh: { type: 'boolean', default: false } } as const;
  const { values, positionals: files } = parseArgs({ options, allowPositionals: true });
  const before = values.afresh ? withoutRunsOf(readRecord(), JUDGED) : readRecord();
  const record = addAll(before, files.map(read));
  writeFileSync(recordFile, formatRecord(record));
  writeFileSync(pageFile, pageOf(record));
  console.log(
    `docs/faults.md and docs/faults.json: ${record.runs.length} runs, ${record.simulated.length} stories simulated`,
  );
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
