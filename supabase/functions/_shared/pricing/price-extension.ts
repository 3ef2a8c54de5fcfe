import { priceRental } from './price-rental.ts';
import type { Priced, PriceLine, PricingFacts } from './types.ts';

/**
 * Computes what a later end costs more: the price of the whole stay with its new end, less the price with the end
 * that was agreed, line by line. Both are computed by the same rules, so a longer stay never costs less. A line may be
 * below zero: three hours become a part of a second day. The deposit stays as it is, and so does what a discount code took
 * off: a code is used once, by the trip.
 *
 * @param agreed The facts of the booking, with the end that it has.
 * @param extended The same facts with the later end.
 * @throws PricingError when the facts contradict themselves.
 *
 * @example
 * ```ts
 * const { total_amount } = priceExtension(facts, { ...facts, ends_at: later.toISOString() });
 * ```
 */
export function priceExtension(agreed: PricingFacts, extended: PricingFacts): Priced {
  const [before, after] = [priceRental(withoutCode(agreed)), priceRental(withoutCode(extended))];
  const codes = [...new Set([...after.lines, ...before.lines].map(({ code }) => code))];
  const lines = codes.flatMap((code): PriceLine[] => {
    const [was, is] = [before, after].map(({ lines }) => lines.find((line) => line.code === code));
    const amount = (is?.amount ?? 0) - (was?.amount ?? 0);
    if (amount === 0) return [];
    const unit = is?.unit_amount ?? was?.unit_amount ?? 0;
    const quantity = (is?.quantity ?? 0) - (was?.quantity ?? 0);
    return [
      quantity * unit === amount
        ? { code, quantity, unit_amount: unit, amount }
        : { code, quantity: 1, unit_amount: amount, amount },
    ];
  });
  return {
    lines,
    total_amount: after.total_amount - before.total_amount,
    discount_amount: 0,
    deposit_amount: after.deposit_amount - before.deposit_amount,
    tax_amount: after.tax_amount - before.tax_amount,
    version: after.version,
  };
}

/** The same facts as if no discount code had been used. */
export function withoutCode<Facts extends PricingFacts>(facts: Facts): Facts {
  return { ...facts, discount: null };
}
