/** Time goes on for so long, or until something has come true; `what` that is, when it must come true. */
export interface Wait {
  readonly forMs: number;
  readonly isDone: (() => boolean) | null;
  readonly what: string | null;
}

/** A story in its order; it says when to go on. */
export type Script = Generator<Wait, void, void>;

/** Something that should have followed did not. */
export class StoryBroken extends Error {}
