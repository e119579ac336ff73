// Makes docs/clients.md: `npm run test:clients -- --table [FILE...]`. The files are results of this suite (--json); what they hold is
// added to docs/clients.json, from which the page is made.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRepositoryRoot, messageOf } from '@sentinel-micro/testkit';
import { pageOf } from './page.ts';
import { EMPTY_RECORD, addFile, formatRecord, type ClientRecord } from './record.ts';

const docs = join(findRepositoryRoot(), 'docs');
const recordFile = join(docs, 'clients.json');
const pageFile = join(docs, 'clients.md');

function readRecord(): ClientRecord {
  return existsSync(recordFile) ? (JSON.parse(readFileSync(recordFile, 'utf8')) as ClientRecord) : EMPTY_RECORD;
}

function add(record: ClientRecord, file: string): ClientRecord {
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
  console.log(`docs/clients.md and docs/clients.json: ${record.runs.length} runs`);
} catch (error) {
  console.error(messageOf(error));
  process.exitCode = 1;
}
