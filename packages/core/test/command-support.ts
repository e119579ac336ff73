import type { Action, Command, CommandResult } from '../src/index.ts';
import { leader, TIMINGS, type Story } from './support.ts';

export const MASTER = { role: 'master', masterHost: null, masterPort: null, linkUp: false } as const;

/** redis-1 leads, and has heard of the others that they are in step. */
export function leaderInStep(): Story {
  const story = leader();
  story.redis(MASTER);
  story.granted(story.after(TIMINGS.heartbeatMs).tick(), 'RENEW');
  return story;
}

let nextRef = 1000;

export function order(story: Story, command: Command): readonly Action[] {
  return story.feed({ type: 'command', ref: nextRef++, command });
}

export function results(actions: readonly Action[]): CommandResult[] {
  return actions.flatMap((action) => (action.type === 'command-done' ? [action.result] : []));
}
