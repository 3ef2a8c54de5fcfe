import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceExtension, priceRental } from '../../supabase/functions/_shared/pricing/index.ts';
import { splitExtension, splitPrice } from '../../supabase/functions/quote/split-price.ts';
import { factsWith, type QuoteFacts } from './facts.ts';

const hourMs = 3_600_000;
const bps = fc.integer({ min: 0, max: 10_000 });

const anyFacts: fc.Arbitrary<QuoteFacts> = fc
  .record({
    start: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
    length: fc.integer({ min: 1, max: 20 * 24 * hourMs }),
    price_per_hour: fc.integer({ min: 1_000, max: 100_000_000 }),
    price_per_day: fc.integer({ min: 1_000, max: 100_000_000 }),
    weekend_bps: bps,
    long_stay_days: fc.integer({ min: 2, max: 30 }),
    long_stay_discount_bps: fc.integer({ min: 0, max: 9_000 }),
    rates: fc.record({
      service_fee_bps: bps,
      commission_bps: bps,
      vat_bps: bps,
      insurance: fc.record({ basic: bps, premium: bps }),
    }),
    options: fc.record({ insurance: fc.constantFrom('none', 'basic', 'premium'), delivery: fc.boolean() }),
  })
  .map(({ start, length, ...rest }) =>
    factsWith({
      ...rest,
      starts_at: new Date(start).toISOString(),
      ends_at: new Date(start + length).toISOString(),
    }),
  );
const anyExtension = fc
  .tuple(anyFacts, fc.integer({ min: 1, max: 10 * 24 * hourMs }))
  .map(([agreed, more]): [QuoteFacts, QuoteFacts] => [
    agreed,
    { ...agreed, ends_at: new Date(Date.parse(agreed.ends_at) + more).toISOString() },
  ]);

describe('an extension', () => {
  it('never costs less than nothing, for the renter or for any party', () => {
    fc.assert(
      fc.property(anyExtension, ([agreed, extended]) => {
        const price = priceExtension(agreed, extended);
        const shares = splitExtension(agreed, extended);
        const parts = [price.total_amount, price.tax_amount, shares.host_amount, shares.platform_amount];
        expect(Math.min(...parts)).toBeGreaterThanOrEqual(0);
        expect(price.tax_amount + shares.host_amount + shares.platform_amount).toBe(price.total_amount);
        expect(price.deposit_amount).toBe(0);
      }),
    );
  });

  it('has lines that add up to what it costs, each its quantity times its unit', () => {
    fc.assert(
      fc.property(anyExtension, ([agreed, extended]) => {
        const { lines, total_amount } = priceExtension(agreed, extended);
        expect(lines.reduce((sum, { amount }) => sum + amount, 0)).toBe(total_amount);
        for (const { quantity, unit_amount, amount } of lines) expect(quantity * unit_amount).toBe(amount);
      }),
    );
  });

  it('costs together with the trip what the longer trip costs at once', () => {
    fc.assert(
      fc.property(anyExtension, ([agreed, extended]) => {
        const { total_amount } = priceExtension(agreed, extended);
        expect(priceRental(agreed).total_amount + total_amount).toBe(priceRental(extended).total_amount);
        const [before, after] = [agreed, extended].map((facts) =>
          splitPrice(priceRental(facts), facts.rates.commission_bps),
        );
        const { host_amount } = splitExtension(agreed, extended);
        expect((before?.host_amount ?? 0) + host_amount).toBe(after?.host_amount);
      }),
    );
  });

  it('costs nothing within a day that is charged already', () => {
    const agreed = factsWith({ ends_at: '2026-03-03T05:00:00+07:00' });
    const price = priceExtension(agreed, { ...agreed, ends_at: '2026-03-03T09:00:00+07:00' });
    expect(price).toMatchObject({ total_amount: 0, lines: [] });
  });
});
