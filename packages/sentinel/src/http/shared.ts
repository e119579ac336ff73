/**
 * Gives everybody who asks at about the same time the same answer, so that many who ask cost no more than one.
 * @param forMs how old an answer may be
 */
export function shared<Value>(make: () => Promise<Value>, forMs: number, nowMs: () => number): () => Promise<Value> {
  let last: { readonly madeAtMs: number; readonly value: Promise<Value> } | null = null;
  return () => {
    if (last === null || nowMs() - last.madeAtMs > forMs) last = { madeAtMs: nowMs(), value: make() };
    return last.value;
  };
}
