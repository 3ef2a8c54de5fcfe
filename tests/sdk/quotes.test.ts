import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { priceRental } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi({ retries: 0 });
});
afterEach(() => api.close());

describe('quotes.estimate', () => {
  const facts = {
    currency: 'VND',
    time_zone: 'Asia/Ho_Chi_Minh',
    starts_at: '2030-01-07T09:00:00+07:00',
    ends_at: '2030-01-09T09:00:00+07:00',
    price_per_hour: 90_000,
    price_per_day: 800_000,
    weekend_bps: 1000,
    long_stay_days: 7,
    long_stay_discount_bps: 1000,
    security_deposit: 2_000_000,
    delivery_fee: null,
    rates: {
      service_fee_bps: 500,
      vat_bps: 800,
      insurance: { basic: 300, premium: 700 },
    },
    options: { insurance: 'none', delivery: false },
    cancellation_policy: { code: 'moderate', tiers: [] },
    quote_minutes: 10,
  } as const;
  const quoted = { ...facts, cancellation_policy: { code: 'moderate', tiers: [] } };

  it('gives what the library of the server gives, for other dates and options too', () => {
    const { data } = api.journey.quotes.estimate({ facts: quoted });
    expect(data).toEqual(priceRental(quoted));
    expect(data?.lines[0]).toEqual({
      code: 'rental_days',
      quantity: 2,
      unit_amount: 800_000,
      amount: 1_600_000,
    });
    const longer = api.journey.quotes.estimate({
      facts: quoted,
      endsAt: '2030-01-10T09:00:00+07:00',
      options: { insurance: 'premium' },
    });
    expect(longer.data?.lines.map(({ code }) => code)).toContain('insurance');
    expect(longer.data?.lines[0]?.quantity).toBe(3);
    expect(api.seen).toHaveLength(0);
  });

  it('answers an error for a trip that cannot be priced', () => {
    expect(api.journey.quotes.estimate({ facts: quoted, options: { delivery: true } }).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'options.delivery' },
    });
  });
});
