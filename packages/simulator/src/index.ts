export { realCore, type Core } from './core.ts';
export { minimise } from './minimise.ts';
export { run, type RunOptions, type RunResult } from './run.ts';
export { FAULT_KINDS, type Fault, type FaultKind } from './plan.ts';
