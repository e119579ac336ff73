export { realCore, type Core } from './core.ts';
export { minimise } from './minimise.ts';
export { run, type RunOptions, type RunResult } from './run.ts';
export { FAULT_KINDS, STORE_FAULT_KINDS, type Fault, type FaultKind } from './plan.ts';
export { NOT_SIMULATED, SCENARIOS } from './scenarios/index.ts';
export type { Scenario } from './scenarios/scenario.ts';
