import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { priceRental as estimate } from '../../sdk/src/index.ts';
import { checkFacts } from '../../supabase/functions/_shared/pricing/check-facts.ts';
import { charge, cheapestRental, targetsOf } from '../../supabase/functions/_shared/pricing/rental.ts';
import { specialTime } from '../../supabase/functions/_shared/pricing/special-time.ts';
import { factsWith, priceAndSplit, type QuoteFacts } from './facts.ts';

const start = Date.parse('2026-03-02T09:00:00+07:00');
const hourMs = 3_600_000;
const dayOf = (index: number): string => new Date(start + index * 24 * hourMs).toISOString().slice(0, 10);

/** A listing with prices of single days and of days of the week, from `least` on. */
const anyFacts = (least: number): fc.Arbitrary<QuoteFacts> =>
  fc
    .record({
      from: fc.integer({ min: 0, max: 48 }),
      hours: fc.integer({ min: 1, max: 24 * 10 }),
      price_per_hour: fc.oneof(
        fc.integer({ min: 1_000, max: 200_000 }),
        fc.integer({ min: 41_600, max: 41_700 }),
      ),
      weekend_bps: fc.integer({ min: 0, max: 5_000 }),
      day_prices: fc.uniqueArray(
        fc.record({
          day: fc.integer({ min: 0, max: 12 }).map(dayOf),
          price_per_day: fc.integer({ min: least, max: 3_000_000 }),
        }),
        { selector: ({ day }) => day, maxLength: 6 },
      ),
      weekday_prices: fc.uniqueArray(
        fc.record({
          weekday: fc.integer({ min: 1, max: 7 }),
          price_per_day: fc.integer({ min: least, max: 3_000_000 }),
        }),
        { selector: ({ weekday }) => weekday, maxLength: 4 },
      ),
    })
    .map(({ from, hours, ...rest }) =>
      factsWith({
        ...rest,
        starts_at: new Date(start + from * hourMs).toISOString(),
        ends_at: new Date(start + (from + hours) * hourMs).toISOString(),
      }),
    );

const moved = (facts: QuoteFacts, field: 'starts_at' | 'ends_at', hours: number): QuoteFacts => ({
  ...facts,
  [field]: new Date(Date.parse(facts[field]) + hours * hourMs).toISOString(),
});

describe('a calendar of prices', () => {
  it('gives what the host set for a day, in place of the weekend extra', () => {
    // Saturday 7 March, from midnight to midnight
    const saturday = factsWith({
      starts_at: '2026-03-07T00:00:00+07:00',
      ends_at: '2026-03-08T00:00:00+07:00',
      day_prices: [{ day: '2026-03-07', price_per_day: 1_700_000 }],
      weekday_prices: [{ weekday: 6, price_per_day: 1_100_000 }],
    });
    expect(priceAndSplit(saturday).lines.slice(0, 2)).toEqual([
      { code: 'rental_days', quantity: 1, unit_amount: 1_000_000, amount: 1_000_000 },
      { code: 'day_prices', quantity: 1, unit_amount: 700_000, amount: 700_000 },
    ]);
    const weekly = { ...saturday, day_prices: [] };
    expect(priceAndSplit(weekly).lines[1]).toMatchObject({ code: 'weekday_prices', amount: 100_000 });
    const neither = { ...weekly, weekday_prices: [] };
    expect(priceAndSplit(neither).lines[1]).toMatchObject({ code: 'weekend_surcharge', amount: 200_000 });
  });

  it('is never below zero, and its lines and parts add up', () => {
    fc.assert(
      fc.property(anyFacts(1), (facts) => {
        const priced = priceAndSplit(facts);
        expect(priced.lines.reduce((sum, { amount }) => sum + amount, 0)).toBe(priced.total_amount);
        expect(priced.deposit_amount + priced.host_amount + priced.platform_amount + priced.tax_amount).toBe(
          priced.total_amount,
        );
        expect(priced.host_amount).toBeGreaterThanOrEqual(0);
        expect(priced.total_amount).toBeGreaterThanOrEqual(priced.deposit_amount);
      }),
    );
  });

  it('makes no longer and no earlier stay cheaper when no day is below the price of the listing', () => {
    fc.assert(
      fc.property(anyFacts(1_000_000), fc.integer({ min: 1, max: 48 }), (facts, hours) => {
        const { total_amount } = priceAndSplit(facts);
        expect(priceAndSplit(moved(facts, 'ends_at', hours)).total_amount).toBeGreaterThanOrEqual(
          total_amount,
        );
        expect(priceAndSplit(moved(facts, 'starts_at', -hours)).total_amount).toBeGreaterThanOrEqual(
          total_amount,
        );
      }),
    );
  });

  it('costs no more where a day is cheaper', () => {
    fc.assert(
      fc.property(anyFacts(1), fc.integer({ min: 1, max: 3_000_000 }), (facts, less) => {
        const cheaper = (facts.day_prices ?? []).map(({ day, price_per_day }) => ({
          day,
          price_per_day: Math.max(1, price_per_day - less),
        }));
        expect(priceAndSplit({ ...facts, day_prices: cheaper }).total_amount).toBeLessThanOrEqual(
          priceAndSplit(facts).total_amount,
        );
      }),
    );
  });

  it('charges the cheapest of all combinations of days and hours', () => {
    fc.assert(
      fc.property(
        anyFacts(1_000_000),
        fc.integer({ min: 0, max: 9_000 }),
        (given, long_stay_discount_bps) => {
          const facts = { ...given, long_stay_discount_bps, long_stay_days: 5 };
          const stay = checkFacts(facts);
          const special = specialTime(facts, stay);
          const all = targetsOf(facts, stay.startedHours).flatMap((target) =>
            Array.from({ length: Math.ceil(target / 24) + 1 }, (_, days) =>
              charge(facts, days, Math.max(0, target - 24 * days), special),
            ),
          );
          expect(cheapestRental(facts, stay).net).toBe(Math.min(...all.map(({ net }) => net)));
        },
      ),
    );
  });

  it('is the same in the app as on the server', () => {
    fc.assert(
      fc.property(anyFacts(1), (facts) => {
        const { host_amount: _, platform_amount: __, ...priced } = priceAndSplit(facts);
        expect(estimate(facts)).toEqual(priced);
      }),
    );
  });
});
