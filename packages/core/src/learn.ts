import type { Announcement } from './messages.ts';
import { newerAnnouncement } from './position.ts';
import { patch, type Turn } from './turn.ts';
import { isLeading } from './view.ts';

/**
 * Takes in what somebody else believes to be the newest announcement. Not while this pod leads: its lease is valid, so nobody else's can
 * be newer. A higher term is no proof, for a voter that has restarted helps to elect under a lower one.
 */
export function learn(turn: Turn, announcement: Announcement | null): void {
  if (isLeading(turn.state, turn.nowMs)) return;
  const newest = newerAnnouncement(turn.state.announcement, announcement);
  if (newest !== turn.state.announcement) patch(turn, { announcement: newest });
}
