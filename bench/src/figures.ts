import { medianOf } from '@sentinel-micro/testkit';

/** What many readings of one thing come to. Null where there are none. */
export interface Summary {
  readonly n: number;
  readonly median: number | null;
  readonly p99: number | null;
  readonly min: number | null;
  readonly max: number | null;
  /** The median of the last sixth of the readings divided by that of the second sixth: the first is for warming up. */
  readonly drift: number | null;
}

/** The statistics that something can be asked of. */
export type Statistic = 'median' | 'p99' | 'min' | 'max';

/** n, median, 99th percentile, least and greatest of some readings. */
export function summaryOf(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  return {
    n: sorted.length,
    median: medianOf(values),
    p99: quantile(sorted, 0.99),
    min: sorted[0] ?? null,
    max: sorted.at(-1) ?? null,
    drift: driftOf(values),
  };
}

/** @param values in the order in which they were read */
function driftOf(values: readonly number[]): number | null {
  const sixth = Math.floor(values.length / 6);
  const early = medianOf(values.slice(sixth, 2 * sixth));
  const late = medianOf(values.slice(values.length - sixth));
  return sixth === 0 || early === null || late === null || early === 0 ? null : late / early;
}

/**
 * The reading below which this share of all readings lies, the nearest rank: always one that was really read.
 * @param sorted the least first
 * @param share in (0, 1]
 */
function quantile(sorted: readonly number[], share: number): number | null {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? null;
}

/** The median of `peer` divided by that of `own`; null where one is missing or nothing. */
export function ratioOf(peer: Summary, own: Summary): number | null {
  if (peer.median === null || own.median === null || own.median === 0) return null;
  return peer.median / own.median;
}
