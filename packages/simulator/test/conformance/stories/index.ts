import { CLIENTS } from './clients.ts';
import { FULL_SYNCS } from './full-syncs.ts';
import { HISTORIES } from './histories.ts';
import { RESTARTS } from './restarts.ts';
import { ROLES } from './roles.ts';
import { SCRIPTS } from './scripts.ts';
import { SILENCE } from './silence.ts';
import { WRITE_QUORUM } from './write-quorum.ts';
import type { Story } from './story.ts';

export const STORIES: readonly Story[] = [
  ...ROLES,
  ...HISTORIES,
  ...FULL_SYNCS,
  ...RESTARTS,
  ...WRITE_QUORUM,
  ...CLIENTS,
  ...SILENCE,
  ...SCRIPTS,
];
