import { describe, expect, it } from 'vitest';
import { factsWith } from '../../../tests/pricing/facts.ts';
import { errorOf, fakeOutside, user, userPost } from '../../../tests/support/fakes.ts';
import { appError } from '../_shared/errors.ts';
import { priceRental } from '../_shared/pricing/index.ts';
import { handle } from './handler.ts';
import { splitPrice } from './split-price.ts';

const request = {
  vehicle_id: '6f1c2d3e-0000-4000-8000-00000000000a',
  starts_at: '2026-03-02T09:00:00+07:00',
  ends_at: '2026-03-03T09:00:00+07:00',
};
const stored = {
  id: '6f1c2d3e-0000-4000-8000-00000000000b',
  total_amount: 1,
  expires_at: '2026-03-02T00:00:00Z',
};

describe('POST /quote', () => {
  it('prices what the database says, for the person of the token, and stores that', async () => {
    const facts = factsWith({ options: { insurance: 'premium' } });
    const outside = fakeOutside({ quote_facts: () => facts, store_quote: () => stored });
    const answer = await handle(outside.deps)(
      userPost('/quote', { ...request, options: { insurance: 'premium' } }, { 'x-correlation-id': 'call-1' }),
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual(stored);
    const inUtc = { starts_at: '2026-03-02T02:00:00.000Z', ends_at: '2026-03-03T02:00:00.000Z' };
    const trip = { renter_id: user.id, ...request, ...inUtc };
    expect(outside.calls).toEqual([
      {
        as: 'service',
        name: 'quote_facts',
        args: { ...trip, options: { insurance: 'premium' } },
        correlationId: 'call-1',
      },
      {
        as: 'service',
        name: 'store_quote',
        args: { ...trip, priced: { ...priceRental(facts), ...splitPrice(priceRental(facts), 1_500) }, facts },
        correlationId: 'call-1',
      },
    ]);
  });

  it('takes a code as it was typed, and says what a price lacks for it', async () => {
    const discount = { code: 'TET', percent_bps: 1_000, fixed_amount: null, min_amount: 0, max_amount: null };
    const facts = factsWith({ discount });
    const outside = fakeOutside({ quote_facts: () => facts, store_quote: () => stored });
    const ask = userPost('/quote', { ...request, discount_code: ' tet' });
    expect((await handle(outside.deps)(ask)).status).toBe(200);
    expect(outside.calls[0]?.args).toMatchObject({ discount_code: ' tet' });
    expect(outside.calls[1]?.args).toMatchObject({ priced: { discount_amount: 105_000 } });

    const dear = factsWith({ discount: { ...discount, min_amount: 2_000_000 } });
    const refused = await handle(fakeOutside({ quote_facts: () => dear }).deps)(
      userPost('/quote', { ...request, discount_code: 'TET' }),
    );
    expect(await errorOf(refused)).toMatchObject({
      code: 'discount_below_minimum',
      details: { min_amount: 2_000_000 },
    });
  });

  it('takes no price, renter or unknown field from the request', async () => {
    const outside = fakeOutside({});
    for (const extra of [{ total_amount: 1 }, { renter_id: user.id }, { options: { discount: 1 } }]) {
      const answer = await handle(outside.deps)(userPost('/quote', { ...request, ...extra }));
      expect((await errorOf(answer)).code).toBe('unknown_field');
    }
    expect(outside.calls).toEqual([]);
  });

  it('takes the times that a browser and a database write, and refuses one without an offset', async () => {
    const facts = factsWith();
    for (const [starts_at, ends_at] of [
      ['2026-03-02T09:00+07:00', '2026-03-03T09:00+07:00'],
      ['2026-03-02 09:00:00+07', '2026-03-03t02:00z'],
      ['2026-03-02T09:00+0700', '2026-03-03T02:00:00Z'],
    ] as const) {
      const outside = fakeOutside({ quote_facts: () => facts, store_quote: () => stored });
      const answer = await handle(outside.deps)(userPost('/quote', { ...request, starts_at, ends_at }));
      expect(answer.status).toBe(200);
      expect(outside.calls[0]?.args).toMatchObject({
        starts_at: '2026-03-02T02:00:00.000Z',
        ends_at: '2026-03-03T02:00:00.000Z',
      });
    }
    const local = { ...request, starts_at: '2026-03-02T09:00' };
    const answer = await handle(fakeOutside({}).deps)(userPost('/quote', local));
    expect(await errorOf(answer)).toMatchObject({ code: 'invalid_input', details: { field: 'starts_at' } });
  });

  it('passes what the database refuses', async () => {
    const outside = fakeOutside({
      quote_facts: () => {
        throw appError('vehicle_unavailable');
      },
    });
    const answer = await handle(outside.deps)(userPost('/quote', request));
    expect(answer.status).toBe(409);
    expect((await errorOf(answer)).code).toBe('vehicle_unavailable');
  });

  it('refuses delivery where none is offered, and stores nothing', async () => {
    const facts = factsWith({ delivery_fee: null, options: { delivery: true } });
    const outside = fakeOutside({ quote_facts: () => facts });
    const answer = await handle(outside.deps)(
      userPost('/quote', { ...request, options: { delivery: true } }),
    );
    expect(await errorOf(answer)).toMatchObject({
      code: 'invalid_input',
      details: { field: 'options.delivery' },
    });
  });
});
