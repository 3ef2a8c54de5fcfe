// Generated: a copy of supabase/functions/_shared/pricing/special-time.ts. Do not edit.
import { dayParts } from './calendar.ts';
import type { Stay } from './check-facts.ts';
import type { PricingFacts } from './types.ts';

/** The time of a stay that has another price than the listing's, and how much more it costs, for each reason. */
export interface SpecialTime {
  /** All of it, in milliseconds. */
  ms: number;
  /** Milliseconds of weekends that have no price of their own. */
  weekendMs: number;
  /** Milliseconds times what a day costs more than the listing's price; negative when it costs less. */
  weekdays: bigint;
  days: bigint;
}

/** A price of a single day comes before one of its weekday, and that before the weekend extra. */
export function specialTime(facts: PricingFacts, { start, end }: Stay): SpecialTime {
  const ofDay = new Map(facts.day_prices?.map(({ day, price_per_day }) => [day, price_per_day]));
  const ofWeekday = new Map(
    facts.weekday_prices?.map(({ weekday, price_per_day }) => [weekday, price_per_day]),
  );
  const special: SpecialTime = { ms: 0, weekendMs: 0, weekdays: 0n, days: 0n };
  const more = (price: number, ms: number): bigint => BigInt(price - facts.price_per_day) * BigInt(ms);
  for (const { day, weekday, ms } of dayParts(start, end, facts.time_zone)) {
    const dayPrice = ofDay.get(day);
    const weekdayPrice = ofWeekday.get(weekday);
    if (dayPrice !== undefined) special.days += more(dayPrice, ms);
    else if (weekdayPrice !== undefined) special.weekdays += more(weekdayPrice, ms);
    else if (weekday >= 6 && facts.weekend_bps > 0) special.weekendMs += ms;
    else continue;
    special.ms += ms;
  }
  return special;
}
