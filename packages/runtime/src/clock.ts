/** Monotonic time in milliseconds, with fractions. The origin is arbitrary; steps of the wall clock do not touch it. */
export interface Clock {
  now(): number;
}

export const systemClock: Clock = { now: () => performance.now() };
