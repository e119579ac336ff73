import { SENTINEL_MICRO, TestkitError, redisSentinelWith, type System } from '@sentinel-micro/testkit';

const SYSTEMS: readonly System[] = [SENTINEL_MICRO, redisSentinelWith(1000), redisSentinelWith(5000)];

/** Those whose name is this or begins with it: `redis-sentinel` stands for both. @throws TestkitError BAD_USAGE */
export function systemsNamed(name: string): System[] {
  const found = SYSTEMS.filter((system) => system.name === name || system.name.startsWith(`${name}-`));
  if (found.length > 0) return found;
  const known = SYSTEMS.map((system) => system.name).join(', ');
  throw new TestkitError('BAD_USAGE', `--system is ${name}; it can be redis-sentinel or one of ${known}`);
}
