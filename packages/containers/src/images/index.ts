export { buildBase, haveBases, type Bases } from './bases.ts';
export { buildImages } from './build.ts';
export { checkImage } from './check.ts';
export { imageOf, OWN_LABEL, OWN_TAG, PROGRAMS } from './names.ts';
export { checkWrongFlag } from './wrong-flag.ts';
export { sizesOf, timeStartUps, type Size } from './measure.ts';
export type { Times } from './startup.ts';
