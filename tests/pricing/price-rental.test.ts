import { describe, expect, it } from 'vitest';
import {
  type PriceLineCode,
  PricingError,
  priceRental,
} from '../../supabase/functions/_shared/pricing/index.ts';
import { factsWith, priceAndSplit } from './facts.ts';

function amounts(facts: ReturnType<typeof factsWith>): Partial<Record<PriceLineCode, number>> {
  return Object.fromEntries(priceRental(facts).lines.map((line) => [line.code, line.amount]));
}

describe('priceRental', () => {
  it('splits an ordinary weekday into lines, deposit, host, platform and tax', () => {
    const priced = priceAndSplit(factsWith({ options: { insurance: 'basic', delivery: true } }));
    expect(priced.lines).toEqual([
      { code: 'rental_days', quantity: 1, unit_amount: 1_000_000, amount: 1_000_000 },
      { code: 'delivery', quantity: 1, unit_amount: 150_000, amount: 150_000 },
      { code: 'insurance', quantity: 1, unit_amount: 50_000, amount: 50_000 },
      { code: 'service_fee', quantity: 1, unit_amount: 50_000, amount: 50_000 },
      { code: 'vat', quantity: 1, unit_amount: 100_000, amount: 100_000 },
      { code: 'security_deposit', quantity: 1, unit_amount: 3_000_000, amount: 3_000_000 },
    ]);
    expect(priced).toMatchObject({
      total_amount: 4_350_000,
      deposit_amount: 3_000_000,
      host_amount: 1_000_000 - 150_000 + 150_000,
      platform_amount: 150_000 + 50_000 + 50_000,
      tax_amount: 100_000,
      version: '4',
    });
  });

  it('counts a started hour as an hour', () => {
    expect(amounts(factsWith({ ends_at: '2026-03-02T11:00:00.001+07:00' }))).toMatchObject({
      rental_hours: 300_000,
    });
    expect(amounts(factsWith({ ends_at: '2026-03-02T11:00:00+07:00' }))).toMatchObject({
      rental_hours: 200_000,
    });
  });

  it('charges a day when the hours would cost more', () => {
    expect(amounts(factsWith({ ends_at: '2026-03-02T18:00:00+07:00' }))).toMatchObject({
      rental_hours: 900_000,
    });
    expect(amounts(factsWith({ ends_at: '2026-03-02T20:00:00+07:00' }))).toMatchObject({
      rental_days: 1_000_000,
    });
    const overnight = amounts(factsWith({ ends_at: '2026-03-03T12:00:00+07:00' }));
    expect(overnight).toMatchObject({ rental_days: 1_000_000, rental_hours: 300_000 });
  });

  it('charges hours throughout when a day costs more than 24 of them', () => {
    const facts = factsWith({ price_per_hour: 30_000, ends_at: '2026-03-04T09:00:00+07:00' });
    expect(amounts(facts)).toMatchObject({ rental_hours: 48 * 30_000 });
    expect(amounts(facts).rental_days).toBeUndefined();
  });

  it('adds the weekend extra to the share of a day that falls on Saturday or Sunday', () => {
    const weekend = { starts_at: '2026-03-07T00:00:00+07:00', ends_at: '2026-03-09T00:00:00+07:00' };
    expect(amounts(factsWith(weekend)).weekend_surcharge).toBe(400_000);
    const half = { starts_at: '2026-03-06T12:00:00+07:00', ends_at: '2026-03-07T12:00:00+07:00' };
    expect(amounts(factsWith(half)).weekend_surcharge).toBe(100_000);
    const weekdays = { starts_at: '2026-03-02T00:00:00+07:00', ends_at: '2026-03-07T00:00:00+07:00' };
    expect(amounts(factsWith(weekdays)).weekend_surcharge).toBeUndefined();
  });

  it('adds no weekend extra for charged time that is not used', () => {
    // Friday from 08:00, twenty hours charged as a day: Saturday is used until 04:00
    const used = { starts_at: '2026-03-06T08:00:00+07:00', ends_at: '2026-03-07T04:00:00+07:00' };
    expect(amounts(factsWith(used))).toMatchObject({ rental_days: 1_000_000, weekend_surcharge: 33_333 });
    const friday = { starts_at: '2026-03-06T08:00:00+07:00', ends_at: '2026-03-07T00:00:00+07:00' };
    expect(amounts(factsWith(friday))).toMatchObject({ rental_days: 1_000_000 });
    expect(amounts(factsWith(friday)).weekend_surcharge).toBeUndefined();
  });

  it('takes weekends from the calendar of the listing, not from UTC', () => {
    // Friday 20:00 UTC is Saturday 03:00 in Vietnam
    const period = { starts_at: '2026-03-06T20:00:00Z', ends_at: '2026-03-06T22:00:00Z' };
    expect(amounts(factsWith(period)).weekend_surcharge).toBe(40_000);
    expect(amounts(factsWith({ ...period, time_zone: 'UTC' })).weekend_surcharge).toBeUndefined();
  });

  it('counts elapsed hours over a change of clocks', () => {
    const zone = {
      time_zone: 'Europe/Berlin',
      price_per_day: 24_000_000,
      price_per_hour: 1_000_000,
      weekend_bps: 0,
    };
    // Sunday 29 March 2026 has 23 hours there, Sunday 25 October 25
    const spring = factsWith({
      ...zone,
      starts_at: '2026-03-29T00:00:00+01:00',
      ends_at: '2026-03-30T00:00:00+02:00',
    });
    expect(amounts(spring).rental_hours).toBe(23_000_000);
    const autumn = factsWith({
      ...zone,
      starts_at: '2026-10-25T00:00:00+02:00',
      ends_at: '2026-10-26T00:00:00+01:00',
    });
    expect(amounts(autumn)).toMatchObject({ rental_days: 24_000_000, rental_hours: 1_000_000 });
    // all 25 hours of that Sunday are weekend, and the hour after them is not
    const priced = amounts({ ...autumn, weekend_bps: 10_000, ends_at: '2026-10-26T01:00:00+01:00' });
    expect(priced.weekend_surcharge).toBe(25_000_000);
  });

  it('takes the long-stay discount off days and surcharge alike', () => {
    const week = factsWith({ ends_at: '2026-03-09T09:00:00+07:00' });
    expect(amounts(week)).toMatchObject({
      rental_days: 7_000_000,
      weekend_surcharge: 400_000,
      long_stay_discount: -740_000,
    });
  });

  it('charges a stay just short of the discount as the long stay when that is cheaper', () => {
    const facts = factsWith({
      long_stay_discount_bps: 3_000,
      weekend_bps: 0,
      ends_at: '2026-03-08T09:00:00+07:00',
    });
    expect(amounts(facts)).toMatchObject({ rental_days: 7_000_000, long_stay_discount: -2_100_000 });
  });

  it('rounds each line half up', () => {
    const facts = factsWith({
      price_per_day: 1_010,
      price_per_hour: 1_010,
      delivery_fee: null,
      rates: {
        service_fee_bps: 500,
        commission_bps: 1_500,
        vat_bps: 800,
        insurance: { basic: 500, premium: 1_000 },
      },
    });
    // 5 % of 1010 is 50.5, 8 % of 1061 is 84.88, 15 % of 1010 is 151.5
    const priced = priceAndSplit(facts);
    expect(amounts(facts)).toMatchObject({ service_fee: 51, vat: 85 });
    expect(priced.host_amount).toBe(1_010 - 152);
    expect(priced.platform_amount).toBe(152 + 51);
  });

  it.each([
    ['options.delivery', { delivery_fee: null, options: { delivery: true } }],
    ['ends_at', { ends_at: '2026-03-02T09:00:00+07:00' }],
    ['ends_at', { ends_at: '2028-03-02T09:00:00+07:00' }],
    ['starts_at', { starts_at: 'tomorrow' }],
    ['price_per_day', { price_per_day: 10.5 }],
    ['security_deposit', { security_deposit: -1 }],
    ['time_zone', { time_zone: 'Mars/Olympus' }],
  ] as const)('refuses facts with an impossible %s', (field, changes) => {
    const refusal = (() => {
      try {
        return priceRental(factsWith(changes));
      } catch (error) {
        return error;
      }
    })();
    expect(refusal).toBeInstanceOf(PricingError);
    expect(refusal).toMatchObject({ field });
  });
});
