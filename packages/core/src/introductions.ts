import type { NodeState } from './state.ts';

/**
 * Addresses of sidecars that the last holder of the lease has told of, and could reach itself: they are to be met, also where DNS does
 * not name them. Otherwise two sidecars of which one has restarted while DNS says nothing of use do not find each other, and an election
 * of the one counts the other as dead, though its Redis may have what nobody else has.
 */
export function introductions({ config, members }: NodeState): readonly string[] {
  return members
    .filter(({ pod, isReachable }) => isReachable && pod !== config.self.pod && config.members.includes(pod))
    .map(({ ip }) => ip);
}
