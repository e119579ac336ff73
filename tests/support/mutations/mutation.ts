import type { RedisSet } from '../redis-set.ts';

/** A way to break the manifests: what it is, how it is done, a part of what the check has to say, and of which overlay (else the base). */
type Mutation = [what: string, breakIt: (set: RedisSet) => void, complaint: string, overlay?: string];

/** For each check, the mistakes that it has to notice. */
export type Mutations = Readonly<Record<string, readonly Mutation[]>>;

export function setVariable(container: RedisSet['redis'], name: string, value: string): void {
  dropVariable(container, name);
  container.env!.push({ name, value });
}

export function dropVariable(container: RedisSet['redis'], name: string): void {
  container.env = container.env!.filter((variable) => variable.name !== name);
}
