import { basisPoints } from '../_shared/pricing/round.ts';
import type { Priced, PriceLineCode } from '../_shared/pricing/types.ts';

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
