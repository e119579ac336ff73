export * from './api.ts';
export * from './objects.ts';
