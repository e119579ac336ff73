/** One instance, and why it was or was not chosen. */
export interface CandidateVerdict {
  readonly endpoint: string;
  readonly chosen: boolean;
  readonly reason: string;
}

/** What is to be done to one instance besides the promotion. */
export interface FollowOrder {
  readonly endpoint: string;
  /** `wait`: it points at the right master already, only the link is not up yet, so nothing is sent. */
  readonly kind: 'follow' | 'wait';
  /** It is a master now: its clients would stay with it and meet READONLY. */
  readonly cutClients: boolean;
  readonly reason: string;
}

/** What is to be done to bring all behind one master, and what to tell of it. */
interface Steps {
  readonly reason: string;
  readonly orders: readonly FollowOrder[];
  readonly verdicts: readonly CandidateVerdict[];
  readonly warnings: readonly string[];
}

export type PromotionPlan =
  | { readonly kind: 'healthy'; readonly master: string; readonly reason: string; readonly warnings: readonly string[] }
  | ({ readonly kind: 'repair'; readonly master: string } & Steps)
  | ({ readonly kind: 'promote'; readonly winner: string } & Steps)
  | {
      readonly kind: 'refuse';
      readonly reason: string;
      readonly verdicts: readonly CandidateVerdict[];
      readonly warnings: readonly string[];
      /** The picture may settle by itself: look again for at most this long before believing it; 0 is final. */
      readonly settleMs: number;
    };

export function refuse(
  reason: string,
  more: { settleMs?: number; verdicts?: readonly CandidateVerdict[] } = {},
): PromotionPlan {
  return { kind: 'refuse', reason, verdicts: more.verdicts ?? [], warnings: [], settleMs: more.settleMs ?? 0 };
}
