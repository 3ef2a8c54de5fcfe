import { basisPoints } from './round.ts';
import { type PricingDiscount, PricingError } from './types.ts';

/** What a code takes off a price, at most all of it. Refuses a price that is too low for the code. */
export function discountOf(discount: PricingDiscount | null | undefined, price: number): number {
  if (!discount) return 0;
  if (price < discount.min_amount) {
    throw new PricingError('discount.min_amount', `is more than the price of ${price}`);
  }
  const share = basisPoints(price, discount.percent_bps ?? 0);
  return Math.min(price, discount.fixed_amount ?? Math.min(share, discount.max_amount ?? share));
}
