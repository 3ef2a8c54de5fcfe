import { z } from 'zod';
import type { PricingFacts } from '../pricing/index.ts';
import { quoteOptions } from './quote.ts';

const money = z.int().nonnegative();
const bps = z.int().min(0).max(10_000);

/**
 * Answer of `quote_facts`. Fields that the pricing library does not know are kept, because the quote stores
 * them.
 */
export const pricingFacts = z.looseObject({
  currency: z.literal('VND'),
  time_zone: z.string().min(1),
  starts_at: z.iso.datetime({ offset: true }),
  ends_at: z.iso.datetime({ offset: true }),
  price_per_hour: money,
  price_per_day: money,
  weekend_bps: z.int().nonnegative(),
  day_prices: z.array(z.looseObject({ day: z.string(), price_per_day: money })).optional(),
  weekday_prices: z.array(z.looseObject({ weekday: z.int(), price_per_day: money })).optional(),
  long_stay_days: z.int().positive(),
  long_stay_discount_bps: bps,
  security_deposit: money,
  delivery_fee: money.nullable(),
  rates: z.looseObject({
    service_fee_bps: bps,
    commission_bps: bps,
    vat_bps: bps,
    insurance: z.looseObject({ basic: bps, premium: bps }),
  }),
  options: quoteOptions,
  discount: z
    .looseObject({
      code: z.string(),
      percent_bps: bps.nullable(),
      fixed_amount: money.nullable(),
      min_amount: money,
      max_amount: money.nullable(),
    })
    .nullish(),
  cancellation_policy: z.looseObject({
    code: z.string(),
    tiers: z.array(z.looseObject({ hours_before: z.int(), refund_bps: bps })),
  }),
  quote_minutes: z.int().positive(),
}) satisfies z.ZodType<PricingFacts>;

/** Answer of `extension_facts`: the facts of a booking with the end that it has, and with the one that is asked for. */
export const extensionFacts = z.looseObject({ agreed: pricingFacts, extended: pricingFacts });
