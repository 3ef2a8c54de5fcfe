// Generated: a copy of supabase/functions/_shared/pricing/check-facts.ts. Do not edit.
import { readInstant } from './instant.ts';
import { PricingError, type PricingFacts } from './types.ts';

function requireInteger(field: string, value: number, min: number, max: number): void {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    throw new PricingError(field, `must be a whole number from ${min} to ${max}`);
  }
}

const maxPrice = 1_000_000_000;
const longestDays = 400;

/** When a stay begins and ends, in milliseconds since 1970, and how many hours of it have started. */
export interface Stay {
  start: number;
  end: number;
  startedHours: number;
}

/** Refuses facts that allow no honest price. Answers the stay. */
export function checkFacts(facts: PricingFacts): Stay {
  const { rates, options } = facts;
  requireInteger('price_per_hour', facts.price_per_hour, 1, maxPrice);
  requireInteger('price_per_day', facts.price_per_day, 1, maxPrice);
  requireInteger('security_deposit', facts.security_deposit, 0, maxPrice);
  requireInteger('weekend_bps', facts.weekend_bps, 0, 100_000);
  requireInteger('long_stay_days', facts.long_stay_days, 1, longestDays);
  requireInteger('long_stay_discount_bps', facts.long_stay_discount_bps, 0, 10_000);
  requireInteger('rates.service_fee_bps', rates.service_fee_bps, 0, 10_000);
  requireInteger('rates.vat_bps', rates.vat_bps, 0, 10_000);
  requireInteger('rates.insurance.basic', rates.insurance.basic, 0, 10_000);
  requireInteger('rates.insurance.premium', rates.insurance.premium, 0, 10_000);
  if (facts.delivery_fee !== null) requireInteger('delivery_fee', facts.delivery_fee, 0, maxPrice);
  if (options.delivery && facts.delivery_fee === null) {
    throw new PricingError('options.delivery', 'is not offered for this vehicle');
  }
  for (const { day, price_per_day } of facts.day_prices ?? []) {
    if (!/^\d{4}-\d{2}-\d{2}$/.test(day))
      throw new PricingError('day_prices', 'must have days as YYYY-MM-DD');
    requireInteger('day_prices', price_per_day, 1, maxPrice);
  }
  for (const { weekday, price_per_day } of facts.weekday_prices ?? []) {
    requireInteger('weekday_prices', weekday, 1, 7);
    requireInteger('weekday_prices', price_per_day, 1, maxPrice);
  }
  const { discount } = facts;
  if (discount) {
    if ((discount.percent_bps === null) === (discount.fixed_amount === null)) {
      throw new PricingError('discount', 'must have either percent_bps or fixed_amount');
    }
    requireInteger('discount.min_amount', discount.min_amount, 0, maxPrice);
    if (discount.percent_bps !== null)
      requireInteger('discount.percent_bps', discount.percent_bps, 1, 10_000);
    if (discount.fixed_amount !== null)
      requireInteger('discount.fixed_amount', discount.fixed_amount, 1, maxPrice);
    if (discount.max_amount !== null) requireInteger('discount.max_amount', discount.max_amount, 1, maxPrice);
  }
  const start = readInstant(facts.starts_at);
  const end = readInstant(facts.ends_at);
  if (start === null) throw new PricingError('starts_at', 'must be an instant in ISO 8601 with an offset');
  if (end === null) throw new PricingError('ends_at', 'must be an instant in ISO 8601 with an offset');
  if (end <= start) throw new PricingError('ends_at', 'must come after starts_at');
  const startedHours = Math.ceil((end - start) / 3_600_000);
  if (startedHours > 24 * longestDays) {
    throw new PricingError('ends_at', `must be within ${longestDays} days of starts_at`);
  }
  return { start, end, startedHours };
}
