// Generated: a copy of supabase/functions/_shared/pricing/round.ts. Do not edit.
/** A division, rounded half up to a whole unit, and half down below zero: what is taken off is rounded like what is added. */
export function divide(numerator: bigint, denominator: bigint): number {
  const size = numerator < 0n ? -numerator : numerator;
  const rounded = Number((2n * size + denominator) / (2n * denominator));
  return numerator < 0n && rounded !== 0 ? -rounded : rounded;
}

/** A share in basis points of a non-negative amount, rounded half up. Exact, however large the amount is. */
export function basisPoints(amount: number, bps: number): number {
  return divide(BigInt(amount) * BigInt(bps), 10_000n);
}
