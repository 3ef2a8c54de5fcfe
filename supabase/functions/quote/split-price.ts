import { withoutCode } from '../_shared/pricing/price-extension.ts';
import { priceRental } from '../_shared/pricing/price-rental.ts';
import { basisPoints } from '../_shared/pricing/round.ts';
import type { Priced, PriceLineCode, PricingFacts } from '../_shared/pricing/types.ts';

/** What is between host and platform. Renters see none of it, so it is no part of the library that apps have. */
export interface Shares {
  /** What the host earns: rental and delivery, less commission. */
  host_amount: number;
  /** Commission, service fee and insurance, less the discount: negative when that is more. */
  platform_amount: number;
}

const rentalCodes: readonly PriceLineCode[] = [
  'rental_days',
  'rental_hours',
  'weekend_surcharge',
  'weekday_prices',
  'day_prices',
  'long_stay_discount',
];

/**
 * Splits a price without remainder: `total = deposit + host + platform + tax`. The commission is a share of the
 * rental, rounded half up; delivery bears none. A discount is the platform's to pay: the host earns the same with it.
 */
export function splitPrice({ lines }: Priced, commissionBps: number): Shares {
  const sumOf = (codes: readonly PriceLineCode[]): number =>
    lines.filter(({ code }) => codes.includes(code)).reduce((sum, { amount }) => sum + amount, 0);
  const rental = sumOf(rentalCodes);
  const commission = basisPoints(rental, commissionBps);
  return {
    host_amount: rental + sumOf(['delivery']) - commission,
    platform_amount: commission + sumOf(['service_fee', 'insurance', 'discount']),
  };
}

/** Facts with the commission, which the library that apps have does not know. */
type FactsOfServer = PricingFacts & { rates: PricingFacts['rates'] & { commission_bps: number } };

/** What host and platform get more by a later end. */
export function splitExtension(agreed: FactsOfServer, extended: FactsOfServer): Shares {
  const [before, after] = [agreed, extended].map((facts) =>
    splitPrice(priceRental(withoutCode(facts)), facts.rates.commission_bps),
  ) as [Shares, Shares];
  return {
    host_amount: after.host_amount - before.host_amount,
    platform_amount: after.platform_amount - before.platform_amount,
  };
}
