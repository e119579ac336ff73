export { CLIENTS } from './catalogue.ts';
export { FAULTS } from './fault.ts';
export { violationsOf, type Evidence } from './judge.ts';
export type { RunResult } from './result.ts';
export { runOnce } from './run.ts';
export { connections } from './sidecar-connections.ts';
export { lineOf } from './summary.ts';
export { pageOf } from './table/page.ts';
export { EMPTY_RECORD, addFile, formatRecord, type ClientRecord } from './table/record.ts';
