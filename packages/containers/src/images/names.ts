/** All that is tagged here: it is removed at the end. */
export const OWN_TAG = 'sentinel-micro-test';
/** On all containers, networks and volumes: what bears it is removed at the end. */
export const OWN_LABEL = 'sentinel-micro.test=containers';

export const PROGRAMS = ['sentinel', 'make-slave'] as const;
export type ProgramName = (typeof PROGRAMS)[number];

export const imageOf = (program: ProgramName): string => `${OWN_TAG}/${program}:built`;
