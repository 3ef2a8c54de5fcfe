import { z } from 'zod';
import { extensionFacts, pricingFacts } from '../_shared/contracts/pricing-facts.ts';
import { extensionRequest, quoteRequest } from '../_shared/contracts/quote.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError, inputError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import {
  type Priced,
  PricingError,
  type PricingFacts,
  priceExtension,
  priceRental,
} from '../_shared/pricing/index.ts';
import { splitExtension, splitPrice } from './split-price.ts';

const quote = z.looseObject({ id: z.uuid(), total_amount: z.int(), expires_at: z.string() });

function priced(facts: PricingFacts, compute: () => Priced): Priced {
  try {
    return compute();
  } catch (error) {
    if (error instanceof PricingError && error.field === 'discount.min_amount') {
      throw appError('discount_below_minimum', { min_amount: facts.discount?.min_amount });
    }
    if (error instanceof PricingError) throw inputError(error.field, error.problem);
    throw error;
  }
}

/**
 * POST /quote: what a trip costs this person, valid for some minutes. POST /quote/extension: what a later end of a trip
 * costs more. The database says what may be rented and at which rates. The pricing library computes. The database
 * stores. No part of the price comes from the request.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const create = endpoint({
    methods: ['POST'],
    path: '/',
    auth: 'user',
    body: quoteRequest,
    async run({ body, user, trace, note }) {
      const service = db.service(trace);
      const trip = {
        renter_id: user.id,
        vehicle_id: body.vehicle_id,
        starts_at: body.starts_at,
        ends_at: body.ends_at,
      };
      const code = body.discount_code === undefined ? {} : { discount_code: body.discount_code };
      const asked = { ...trip, options: body.options ?? {}, ...code };
      const facts = await service.call('quote_facts', asked, pricingFacts);
      const price = priced(facts, () => priceRental(facts));
      const split = { ...price, ...splitPrice(price, facts.rates.commission_bps) };
      const stored = await service.call('store_quote', { ...trip, priced: split, facts }, quote);
      note({ quote_id: stored.id });
      return stored;
    },
  });
  const extend = endpoint({
    methods: ['POST'],
    path: '/extension',
    auth: 'user',
    body: extensionRequest,
    async run({ body, user, trace, note }) {
      const service = db.service(trace);
      const trip = { renter_id: user.id, booking_id: body.booking_id };
      const facts = await service.call('extension_facts', { ...trip, ends_at: body.ends_at }, extensionFacts);
      const { agreed, extended } = facts;
      const price = priced(extended, () => priceExtension(agreed, extended));
      const split = { ...price, ...splitExtension(agreed, extended) };
      const given = { ...trip, priced: split, agreed, extended };
      const stored = await service.call('store_extension_quote', given, quote);
      note({ quote_id: stored.id });
      return stored;
    },
  });
  return serveEndpoints('quote', [create, extend], http);
}
