// Generated: a copy of supabase/functions/_shared/pricing/round.ts. Do not edit.
/**
 * `amount × numerator / denominator`, rounded half up to a whole unit. Exact: the product of a price, a share
 * and a length of time can exceed what a double can hold, so it is a BigInt.
 */
export function shareOf(amount: number | bigint, numerator: number, denominator: number): number {
  const product = BigInt(amount) * BigInt(numerator);
  const divisor = BigInt(denominator);
  return Number((2n * product + divisor) / (2n * divisor));
}

/** A share in basis points of a non-negative amount, rounded half up. */
export function basisPoints(amount: number, bps: number): number {
  return shareOf(amount, bps, 10_000);
}
