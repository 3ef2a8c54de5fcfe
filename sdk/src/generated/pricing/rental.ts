// Generated: a copy of supabase/functions/_shared/pricing/rental.ts. Do not edit.
import { basisPoints, shareOf } from './round.ts';
import type { PricingFacts } from './types.ts';
import { weekendHours } from './weekend.ts';

/** What of a stay is charged by the day and by the hour, before delivery, fees and tax. */
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

// Days first, then hours. A day carries the weekend hours of its whole 24 hours, used or not: were it only the
// used ones, keeping the vehicle longer into a Monday could cost less.
function charge(tariff: Tariff, days: number, hours: number, weekendBefore: number[]): Rental {
  const inDays = weekendBefore[24 * days] ?? 0;
  const inHours = (weekendBefore[24 * days + hours] ?? 0) - inDays;
  const base = days * tariff.price_per_day + hours * tariff.price_per_hour;
  // both in twenty-fourths, so that the line is rounded once
  const weekendPrice = inDays * tariff.price_per_day + 24 * inHours * tariff.price_per_hour;
  const surcharge = shareOf(weekendPrice, tariff.weekend_bps, 24 * 10_000);
  const longStay = 24 * days + hours >= 24 * tariff.long_stay_days;
  const discount = longStay ? basisPoints(base + surcharge, tariff.long_stay_discount_bps) : 0;
  return { days, hours, surcharge, discount, net: base + surcharge - discount };
}

/**
 * The cheapest combination of whole days (24 hours from the start) and single hours that covers the stay, with
 * weekends and the long-stay discount counted. Combinations that reach the discount are among the candidates,
 * so that nobody pays more for a shorter stay than for a longer one. Among equals, the fewest hours win.
 */
export function cheapestRental(facts: PricingFacts, startedHours: number): Rental {
  const longStayHours = Math.max(startedHours, 24 * facts.long_stay_days);
  const targets = facts.long_stay_discount_bps > 0 ? [startedHours, longStayHours] : [startedHours];
  const horizon = 24 * Math.ceil(Math.max(...targets) / 24);

  const weekendBefore = [0];
  for (const flag of weekendHours(Date.parse(facts.starts_at), horizon, facts.time_zone)) {
    weekendBefore.push((weekendBefore.at(-1) ?? 0) + (flag ? 1 : 0));
  }

  let best: Rental | undefined;
  for (const target of targets) {
    for (let days = Math.ceil(target / 24); days >= 0; days -= 1) {
      const candidate = charge(facts, days, Math.max(0, target - 24 * days), weekendBefore);
      if (!best || candidate.net < best.net) best = candidate;
    }
  }
  // there is always the candidate of days alone
  return best as Rental;
}
