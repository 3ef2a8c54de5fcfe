import type { Stay } from './check-facts.ts';
import { basisPoints, shareOf } from './round.ts';
import type { PricingFacts } from './types.ts';
import { weekendTime } from './weekend.ts';

/** The part of a stay that is charged by the day and by the hour, before delivery, fees and tax. */
export interface Rental {
  days: number;
  hours: number;
  /** Extra for weekends, on top of days and hours. */
  surcharge: number;
  /** Taken off by the long-stay discount; not negative. */
  discount: number;
  /** Days, hours and surcharge less discount. */
  net: number;
}

type Tariff = Pick<
  PricingFacts,
  'price_per_hour' | 'price_per_day' | 'weekend_bps' | 'long_stay_days' | 'long_stay_discount_bps'
>;

const dayMs = 86_400_000;
const hourMs = 3_600_000;

// Weekend time is charged at the day's rate as far as days are charged, and at the hour's rate beyond. Only the
// length of the weekend time counts, not which day or hour covers it: otherwise a stay that begins earlier, or ends
// later, could cost less.
function charge(tariff: Tariff, days: number, hours: number, weekendMs: number): Rental {
  const inDays = Math.min(weekendMs, days * dayMs);
  const base = days * tariff.price_per_day + hours * tariff.price_per_hour;
  // in shares of a day, so that the line is rounded once; the products pass what a double can hold
  const weekendPrice =
    BigInt(tariff.price_per_day) * BigInt(inDays) +
    BigInt(tariff.price_per_hour) * BigInt((weekendMs - inDays) * (dayMs / hourMs));
  const surcharge = shareOf(weekendPrice, tariff.weekend_bps, dayMs * 10_000);
  const longStay = 24 * days + hours >= 24 * tariff.long_stay_days;
  const discount = longStay ? basisPoints(base + surcharge, tariff.long_stay_discount_bps) : 0;
  return { days, hours, surcharge, discount, net: base + surcharge - discount };
}

/**
 * The cheapest combination of whole days (24 hours each) and single hours that covers the stay, including
 * weekends and the long-stay discount. Combinations that reach the discount are candidates too, so that nobody
 * pays more for a shorter stay than for a longer one. Among equal prices, the fewest hours win.
 */
export function cheapestRental(facts: PricingFacts, { start, end, startedHours }: Stay): Rental {
  const longStayHours = Math.max(startedHours, 24 * facts.long_stay_days);
  const targets = facts.long_stay_discount_bps > 0 ? [startedHours, longStayHours] : [startedHours];
  const weekendMs = weekendTime(start, end, facts.time_zone);

  let best: Rental | undefined;
  for (const target of targets) {
    for (let days = Math.ceil(target / 24); days >= 0; days -= 1) {
      const candidate = charge(facts, days, Math.max(0, target - 24 * days), weekendMs);
      if (!best || candidate.net < best.net) best = candidate;
    }
  }
  // days alone are always a candidate
  return best as Rental;
}
