// Generated: a copy of supabase/functions/_shared/pricing/rental.ts. Do not edit.
import type { Stay } from './check-facts.ts';
import { basisPoints, divide } from './round.ts';
import { type SpecialTime, specialTime } from './special-time.ts';
import type { PricingFacts } from './types.ts';

/** The part of a stay that is charged by the day and by the hour, before delivery, fees and tax. */
export interface Rental {
  days: number;
  hours: number;
  /** Extra for weekends, on top of days and hours. */
  surcharge: number;
  /** What days of the week with prices of their own cost more, or less. */
  weekdays: number;
  /** What single days with prices of their own cost more, or less. */
  singleDays: number;
  /** Taken off by the long-stay discount; not negative. */
  discount: number;
  /** All of these less discount. */
  net: number;
}

type Tariff = Pick<
  PricingFacts,
  'price_per_hour' | 'price_per_day' | 'weekend_bps' | 'long_stay_days' | 'long_stay_discount_bps'
>;

const dayMs = 86_400_000;
const hourMs = 3_600_000;

// Time with another price is charged at the day's rate as far as days are charged, and at the hour's rate beyond. Only the
// length of that time counts, not which day or hour covers it: otherwise a stay that begins earlier, or ends later, could
// cost less.
export function charge(tariff: Tariff, days: number, hours: number, special: SpecialTime): Rental {
  const inDays = Math.min(special.ms, days * dayMs);
  const base = days * tariff.price_per_day + hours * tariff.price_per_hour;
  // what all of that time costs at the listing's price, times dayMs; the products pass what a double can hold
  const usual =
    BigInt(tariff.price_per_day) * BigInt(inDays) +
    BigInt(tariff.price_per_hour) * BigInt((special.ms - inDays) * (dayMs / hourMs));
  // each part bears the same mixture of rates, and each line is rounded once
  const divisor = BigInt(Math.max(1, special.ms)) * BigInt(dayMs);
  const surcharge = divide(usual * BigInt(special.weekendMs) * BigInt(tariff.weekend_bps), divisor * 10_000n);
  const perDay = divisor * BigInt(tariff.price_per_day);
  const weekdays = divide(usual * special.weekdays, perDay);
  const singleDays = divide(usual * special.days, perDay);
  const gross = base + surcharge + weekdays + singleDays;
  const longStay = 24 * days + hours >= 24 * tariff.long_stay_days;
  const discount = longStay ? basisPoints(gross, tariff.long_stay_discount_bps) : 0;
  return { days, hours, surcharge, weekdays, singleDays, discount, net: gross - discount };
}

/** The stays that may be charged: this one, and the shortest that has the long-stay discount, so that nobody pays more for a shorter stay. */
export function targetsOf(tariff: Tariff, startedHours: number): number[] {
  if (tariff.long_stay_discount_bps === 0) return [startedHours];
  return [startedHours, Math.max(startedHours, 24 * tariff.long_stay_days)];
}

/**
 * The cheapest combination of whole days (24 hours each) and single hours that covers the stay, including
 * weekends, days with prices of their own and the long-stay discount. Each further day in place of 24 hours changes the price
 * in the same direction, so either all of the stay is charged by the hour, or as many days as there are. Among equal prices,
 * the fewest hours win.
 *
 * The database computes the same for a search: private.rental_totals(). Change both, and a test compares them.
 */
export function cheapestRental(facts: PricingFacts, stay: Stay): Rental {
  const special = specialTime(facts, stay);
  const byHour = 24 * facts.price_per_hour < facts.price_per_day;
  const candidates = targetsOf(facts, stay.startedHours).flatMap((target) =>
    (byHour ? [0] : [Math.ceil(target / 24), Math.floor(target / 24)]).map((days) =>
      charge(facts, days, Math.max(0, target - 24 * days), special),
    ),
  );
  return candidates.reduce((best, candidate) => (candidate.net < best.net ? candidate : best));
}
