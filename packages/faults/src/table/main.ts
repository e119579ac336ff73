// Makes docs/faults.md: `npm run test:faults -- --table [FILE...]`. The files are results of this suite (--json) and reports of the
// simulator (--save FILE.json); what they hold is added to docs/faults.json, from which the page is made.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRepositoryRoot, messageOf } from '@sentinel-micro/testkit';
import { pageOf } from './page.ts';
import { EMPTY_RECORD, addFile, formatRecord, type FaultRecord } from './record.ts';

const docs = join(findRepositoryRoot(), 'docs');
const recordFile = join(docs, 'faults.json');
const pageFile = join(docs, 'faults.md');

function readRecord(): FaultRecord {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as FaultRecord) : EMPTY_RECORD;
}

function add(record: FaultRecord, file: string): FaultRecord {
  try {
    return addFile(record, JSON.parse(readFileSync(file, 'utf8')));
  } catch (error) {
    throw new Error(`${file}: ${messageOf(error)}`, { cause: error });
  }
}

try {
  const record = process.argv.slice(2).reduce(add, readRecord());
  writeFileSync(recordFile, formatRecord(record));
  writeFileSync(pageFile, pageOf(record));
  console.log(
    `docs/faults.md and docs/faults.json: ${record.runs.length} runs, ${record.simulated.length} stories simulated`,
  );
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
