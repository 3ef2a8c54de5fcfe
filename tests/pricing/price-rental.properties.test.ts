import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { factsWith, priceAndSplit, type QuoteFacts } from './facts.ts';

const hourMs = 3_600_000;
const bps = fc.integer({ min: 0, max: 10_000 });
const zones = [
  'Asia/Ho_Chi_Minh',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'UTC',
];

const anyFacts: fc.Arbitrary<QuoteFacts> = fc
  .record({
    start: fc.integer({ min: Date.UTC(2026, 0, 1), max: Date.UTC(2027, 0, 1) }),
    length: fc.oneof(
      fc.integer({ min: 1, max: 3 * 24 * hourMs }),
      fc.integer({ min: 1, max: 40 * 24 }).map((hours) => hours * hourMs),
    ),
    time_zone: fc.constantFrom(...zones),
    price_per_hour: fc.integer({ min: 1_000, max: 100_000_000 }),
    price_per_day: fc.integer({ min: 1_000, max: 100_000_000 }),
    weekend_bps: bps,
    long_stay_days: fc.integer({ min: 2, max: 30 }),
    long_stay_discount_bps: fc.integer({ min: 0, max: 9_000 }),
    security_deposit: fc.integer({ min: 0, max: 200_000_000 }),
    delivery_fee: fc.integer({ min: 0, max: 10_000_000 }),
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

function lengthen(facts: QuoteFacts, ms: number): QuoteFacts {
  return { ...facts, ends_at: new Date(Date.parse(facts.ends_at) + ms).toISOString() };
}

function startedHours(facts: QuoteFacts): number {
  return Math.ceil((Date.parse(facts.ends_at) - Date.parse(facts.starts_at)) / hourMs);
}

function rentalOf(facts: QuoteFacts): number {
  const codes = new Set(['rental_days', 'rental_hours', 'weekend_surcharge', 'long_stay_discount']);
  return priceAndSplit(facts)
    .lines.filter((line) => codes.has(line.code))
    .reduce((sum, line) => sum + line.amount, 0);
}

const runs = { numRuns: 300 };

describe('whatever the facts', () => {
  it('lines add up to the total, and the total splits without remainder', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { lines, ...priced } = priceAndSplit(facts);
        const sum = lines.reduce((total, line) => total + line.amount, 0);
        expect(sum).toBe(priced.total_amount);
        expect(priced.deposit_amount + priced.host_amount + priced.platform_amount + priced.tax_amount).toBe(
          sum,
        );
        for (const line of lines) expect(line.quantity * line.unit_amount).toBe(line.amount);
      }),
      runs,
    );
  });

  it('every amount is a whole number, and only a discount is below zero', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { lines, version: _, ...amounts } = priceAndSplit(facts);
        for (const amount of Object.values(amounts)) {
          expect(Number.isSafeInteger(amount)).toBe(true);
          expect(amount).toBeGreaterThanOrEqual(0);
        }
        for (const line of lines) {
          expect(Number.isSafeInteger(line.amount)).toBe(true);
          expect(line.amount < 0).toBe(line.code === 'long_stay_discount');
        }
        expect(lines.length).toBeGreaterThan(0);
        expect(new Set(lines.map((line) => line.code)).size).toBe(lines.length);
      }),
      runs,
    );
  });

  it('a longer stay never costs less, in total or for any party', () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 1, max: 72 * hourMs }), (facts, more) => {
        const short = priceAndSplit(facts);
        const long = priceAndSplit(lengthen(facts, more));
        expect(long.total_amount).toBeGreaterThanOrEqual(short.total_amount);
        expect(long.host_amount).toBeGreaterThanOrEqual(short.host_amount);
        expect(long.platform_amount).toBeGreaterThanOrEqual(short.platform_amount);
        expect(long.tax_amount).toBeGreaterThanOrEqual(short.tax_amount);
      }),
      runs,
    );
  });

  it('a stay that begins earlier never costs less, in total or for any party', () => {
    fc.assert(
      fc.property(anyFacts, fc.integer({ min: 1, max: 72 * hourMs }), (facts, more) => {
        const late = priceAndSplit(facts);
        const start = new Date(Date.parse(facts.starts_at) - more).toISOString();
        const early = priceAndSplit({ ...facts, starts_at: start });
        expect(early.total_amount).toBeGreaterThanOrEqual(late.total_amount);
        expect(early.host_amount).toBeGreaterThanOrEqual(late.host_amount);
        expect(early.platform_amount).toBeGreaterThanOrEqual(late.platform_amount);
        expect(early.tax_amount).toBeGreaterThanOrEqual(late.tax_amount);
      }),
      runs,
    );
  });

  it('costs no more than days alone, hours alone, or full days and hours', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const plain = { ...facts, weekend_bps: 0, long_stay_discount_bps: 0 };
        const hours = startedHours(plain);
        const fullDays = Math.floor(hours / 24);
        const { price_per_day: day, price_per_hour: hour } = plain;
        const naive = [
          Math.ceil(hours / 24) * day,
          hours * hour,
          fullDays * day + (hours - 24 * fullDays) * hour,
        ];
        expect(rentalOf(plain)).toBe(Math.min(...naive));
      }),
      runs,
    );
  });

  it('a weekend extra never lowers the rental and never adds more than its share', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const plain = rentalOf({ ...facts, weekend_bps: 0, long_stay_discount_bps: 0 });
        const extra = rentalOf({ ...facts, long_stay_discount_bps: 0 });
        expect(extra).toBeGreaterThanOrEqual(plain);
        expect(extra).toBeLessThanOrEqual(plain + Math.ceil((plain * facts.weekend_bps) / 10_000) + 1);
      }),
      runs,
    );
  });

  it('a discount never raises the rental and is never given before its day', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        expect(rentalOf(facts)).toBeLessThanOrEqual(rentalOf({ ...facts, long_stay_discount_bps: 0 }));
        const discount = priceAndSplit(facts).lines.find((line) => line.code === 'long_stay_discount');
        const days = priceAndSplit(facts).lines.find((line) => line.code === 'rental_days')?.quantity ?? 0;
        const hours = priceAndSplit(facts).lines.find((line) => line.code === 'rental_hours')?.quantity ?? 0;
        if (discount) expect(24 * days + hours).toBeGreaterThanOrEqual(24 * facts.long_stay_days);
      }),
      runs,
    );
  });

  it('what is charged always covers the stay', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const { lines } = priceAndSplit(facts);
        const quantity = (code: string) => lines.find((line) => line.code === code)?.quantity ?? 0;
        expect(24 * quantity('rental_days') + quantity('rental_hours')).toBeGreaterThanOrEqual(
          startedHours(facts),
        );
      }),
      runs,
    );
  });

  it('the deposit bears no fee and no tax', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const without = priceAndSplit({ ...facts, security_deposit: 0 });
        expect(priceAndSplit(facts).total_amount - without.total_amount).toBe(facts.security_deposit);
      }),
      runs,
    );
  });

  it('the same instants written with another offset cost the same', () => {
    fc.assert(
      fc.property(anyFacts, (facts) => {
        const rewrite = (text: string) =>
          new Date(Date.parse(text) + 7 * hourMs).toISOString().replace('Z', '+07:00');
        const same = { ...facts, starts_at: rewrite(facts.starts_at), ends_at: rewrite(facts.ends_at) };
        expect(priceAndSplit(same)).toEqual(priceAndSplit(facts));
      }),
      runs,
    );
  });
});
