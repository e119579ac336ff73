export { Docker, type Ended } from './docker.ts';
export { removeControlGroups, spawnInside, whyNoEngine } from './enter.ts';
export { OwnEngine } from './own-engine.ts';
export { engineHosts, findRunningEngine } from './running-engine.ts';
export { clientTool } from './tools.ts';
export { openFarEnd, openNearEnd } from './way-out.ts';
