import type { RedisSet } from '../redis-set.ts';

/** One rule: answers with its complaints; none means that all is well. */
export type Check = (set: RedisSet) => string[];
export type Checks = Readonly<Record<string, Check>>;

export function when(isWrong: boolean, complaint: string): string[] {
  return isWrong ? [complaint] : [];
}
