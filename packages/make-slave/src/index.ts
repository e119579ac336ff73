export * from './config.ts';
export { parseSettings } from './redis-conf.ts';
