import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceRental as estimate } from '../../sdk/src/index.ts';
import type { PricingDiscount } from '../../supabase/functions/_shared/pricing/index.ts';
import { factsWith, priceAndSplit } from './facts.ts';

const anyDiscount: fc.Arbitrary<PricingDiscount> = fc.oneof(
  fc.record({
    code: fc.constant('SHARE'),
    percent_bps: fc.integer({ min: 1, max: 10_000 }),
    fixed_amount: fc.constant(null),
    min_amount: fc.integer({ min: 0, max: 3_000_000 }),
    max_amount: fc.option(fc.integer({ min: 1, max: 2_000_000 })),
  }),
  fc.record({
    code: fc.constant('FIXED'),
    percent_bps: fc.constant(null),
    fixed_amount: fc.integer({ min: 1, max: 5_000_000 }),
    min_amount: fc.integer({ min: 0, max: 3_000_000 }),
    max_amount: fc.constant(null),
  }),
);

const anyTrip = fc.record({
  hours: fc.integer({ min: 1, max: 24 * 12 }),
  security_deposit: fc.integer({ min: 0, max: 5_000_000 }),
  options: fc.record({
    insurance: fc.constantFrom('none' as const, 'basic' as const, 'premium' as const),
    delivery: fc.boolean(),
  }),
});

const factsOf = ({ hours, ...more }: { hours: number; security_deposit: number; options: object }) =>
  factsWith({
    ...more,
    ends_at: new Date(Date.parse('2026-03-02T09:00:00+07:00') + hours * 3_600_000).toISOString(),
  });

/** What is sold before a code and tax. */
const priceBefore = (facts: ReturnType<typeof factsOf>): number => {
  const { total_amount, tax_amount, deposit_amount } = priceAndSplit(facts);
  return total_amount - tax_amount - deposit_amount;
};

describe('a code', () => {
  it('takes off what it promises, at most the whole price, and the parts still add up', () => {
    fc.assert(
      fc.property(anyTrip, anyDiscount, (trip, discount) => {
        const before = priceBefore(factsOf(trip));
        fc.pre(before >= discount.min_amount);
        const priced = priceAndSplit({ ...factsOf(trip), discount });
        const share = Math.floor((before * (discount.percent_bps ?? 0)) / 10_000 + 0.5);
        const promised = discount.fixed_amount ?? Math.min(share, discount.max_amount ?? share);
        expect(priced.discount_amount).toBe(Math.min(before, promised));
        const sum = priced.lines.reduce((total, { amount }) => total + amount, 0);
        expect(sum).toBe(priced.total_amount);
        expect(priced.deposit_amount + priced.host_amount + priced.platform_amount + priced.tax_amount).toBe(
          priced.total_amount,
        );
        expect(priced.total_amount).toBeGreaterThanOrEqual(priced.deposit_amount);
        expect(priced.platform_amount).toBeGreaterThanOrEqual(-priced.discount_amount);
      }),
    );
  });

  it('changes nothing for the host, and is never taxed', () => {
    fc.assert(
      fc.property(anyTrip, anyDiscount, (trip, discount) => {
        const without = priceAndSplit(factsOf(trip));
        fc.pre(priceBefore(factsOf(trip)) >= discount.min_amount);
        const priced = priceAndSplit({ ...factsOf(trip), discount });
        expect(priced.host_amount).toBe(without.host_amount);
        expect(priced.tax_amount).toBeLessThanOrEqual(without.tax_amount);
      }),
    );
  });

  it('makes no longer stay cheaper, and a price below its minimum is refused', () => {
    fc.assert(
      fc.property(anyTrip, fc.integer({ min: 1, max: 48 }), anyDiscount, (trip, more, discount) => {
        const facts = { ...factsOf(trip), discount };
        const longer = { ...factsOf({ ...trip, hours: trip.hours + more }), discount };
        if (priceBefore(factsOf(trip)) < discount.min_amount) {
          expect(() => priceAndSplit(facts)).toThrow('discount.min_amount');
        } else {
          expect(priceAndSplit(longer).total_amount).toBeGreaterThanOrEqual(
            priceAndSplit(facts).total_amount,
          );
        }
      }),
    );
  });

  it('costs the same in the app as on the server', () => {
    fc.assert(
      fc.property(anyTrip, anyDiscount, (trip, discount) => {
        fc.pre(priceBefore(factsOf(trip)) >= discount.min_amount);
        const {
          host_amount: _,
          platform_amount: __,
          ...priced
        } = priceAndSplit({
          ...factsOf(trip),
          discount,
        });
        expect(estimate({ ...factsOf(trip), discount })).toEqual(priced);
      }),
    );
  });
});
