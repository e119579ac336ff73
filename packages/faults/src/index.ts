export { violationsOf, type Evidence } from './judge.ts';
export { parseOrder } from './options.ts';
export { NO_WRITES, type ResultFile, type RunResult } from './result.ts';
export { SCENARIOS } from './scenarios/index.ts';
export { FAULT_NAMES } from './table/names.ts';
export { pageOf } from './table/page.ts';
export { EMPTY_RECORD, addAll, formatRecord, readContent, withoutRunsOf, type FaultRecord } from './table/record.ts';
