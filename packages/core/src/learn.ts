import { isSameHolder } from './lease.ts';
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
  const { announcement: before, announcedUntilMs } = turn.state;
  const newest = newerAnnouncement(before, announcement);
  if (newest === null || newest === before) return;
  patch(turn, { announcement: newest });
  // Its own renewals speak for a master; those of the one before do not, nor does that one's end.
  if (before !== null && !isSameHolder(before, newest))
    patch(turn, { announcedUntilMs: Math.min(announcedUntilMs, turn.nowMs), masterGone: false });
}
