// Generated: a copy of supabase/functions/_shared/pricing/price-rental.ts. Do not edit.
import { checkFacts } from './check-facts.ts';
import { discountOf } from './discount.ts';
import { cheapestRental } from './rental.ts';
import { basisPoints } from './round.ts';
import type { Priced, PriceLine, PriceLineCode, PricingFacts } from './types.ts';

/** Names the rules below; changes whenever the same facts can give another price. */
export const pricingVersion = '4';

/**
 * Computes what a rental costs. Pure: the same facts give the same price on the server, in a
 * browser and on a phone.
 *
 * - A started hour counts as an hour. A day is 24 hours.
 * - The renter pays the cheapest combination of days and hours that covers the stay. It may cover more than the
 *   stay: twenty hours cost a day when that is less, and a stay just short of the long-stay discount costs as
 *   much as the long stay when that is less. So a longer stay never costs less.
 * - `weekend_bps` is added for the part of the stay on Saturdays and Sundays of the listing's own calendar: at
 *   the day's rate for as much of it as the charged days can hold, and at the hour's rate beyond. Time that is
 *   charged but not used (twenty hours charged as a day) has no surcharge. So a stay that begins earlier never
 *   costs less either.
 * - A day with a price of its own, or a day of the week with one, has no weekend extra. What it costs more or less than
 *   `price_per_day` is added in the same way: in full at the day's rate, and in proportion at the hour's. When no
 *   such price is below `price_per_day`, a longer stay, or one that begins earlier, still never costs less. Below it, it
 *   may, by at most what a cheaper day takes off: time that was charged but not used falls on it.
 * - From `long_stay_days` charged days on, `long_stay_discount_bps` is taken off days, hours and these.
 *   What remains is the rental.
 * - Insurance and service fee are shares of the rental.
 * - A code takes its share or its amount off all of that and delivery, at most all of it. It is refused below its
 *   minimum. VAT is a share of what remains. The deposit bears nothing.
 * - Amounts are whole units of the currency. Each line is rounded half up by itself.
 *
 * @throws PricingError when the facts contradict themselves, e.g. delivery where none is offered.
 *
 * @example
 * ```ts
 * const { total_amount, lines } = priceRental(facts);
 * ```
 */
export function priceRental(facts: PricingFacts): Priced {
  const rental = cheapestRental(facts, checkFacts(facts));
  const plan = facts.options.insurance ?? 'none';
  const delivery = facts.options.delivery ? (facts.delivery_fee ?? 0) : 0;
  const insurance = plan === 'none' ? 0 : basisPoints(rental.net, facts.rates.insurance[plan]);
  const serviceFee = basisPoints(rental.net, facts.rates.service_fee_bps);
  const price = rental.net + delivery + insurance + serviceFee;
  const discount = discountOf(facts.discount, price);
  const vat = basisPoints(price - discount, facts.rates.vat_bps);

  const lines: PriceLine[] = [];
  const add = (code: PriceLineCode, unit_amount: number, quantity = 1): void => {
    const amount = quantity * unit_amount;
    if (amount !== 0) lines.push({ code, quantity, unit_amount, amount });
  };
  add('rental_days', facts.price_per_day, rental.days);
  add('rental_hours', facts.price_per_hour, rental.hours);
  add('weekend_surcharge', rental.surcharge);
  add('weekday_prices', rental.weekdays);
  add('day_prices', rental.singleDays);
  add('long_stay_discount', -rental.discount);
  add('delivery', delivery);
  add('insurance', insurance);
  add('service_fee', serviceFee);
  add('discount', -discount);
  add('vat', vat);
  add('security_deposit', facts.security_deposit);

  return {
    lines,
    total_amount: lines.reduce((sum, line) => sum + line.amount, 0),
    deposit_amount: facts.security_deposit,
    tax_amount: vat,
    discount_amount: discount,
    version: pricingVersion,
  };
}
