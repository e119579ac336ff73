export { KubeConfigError } from './access.ts';
export * from './api.ts';
export { connectKube } from './connect.ts';
export * from './objects.ts';
