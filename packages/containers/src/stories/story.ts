import type { Bed } from './bed.ts';

/** Something that is done to a set of containers, and what has to come of it. */
export interface Story {
  readonly name: string;
  readonly what: string;
  /** How long two masters may take writes at once, in milliseconds. Default 0. */
  readonly overlapMs?: number;
  /** Also the writes that nobody confirmed have to be there at the end. */
  readonly isLossless?: boolean;
  /** The containers of a pod see each other's processes. */
  readonly sharesProcesses?: boolean;
  readonly sentinelFlags?: readonly string[];
  /** Nobody answers for names that the engine does not know itself. */
  readonly isUpstreamSilent?: boolean;
  readonly run: (bed: Bed) => Promise<void>;
}
