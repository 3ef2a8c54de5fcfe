import type { PricingFacts } from '../../supabase/functions/_shared/pricing/index.ts';
import { type Priced, priceRental } from '../../supabase/functions/_shared/pricing/index.ts';
import { type Shares, splitPrice } from '../../supabase/functions/quote/split-price.ts';

/** What the server knows: the facts, and what is between host and platform. */
export interface QuoteFacts extends PricingFacts {
  rates: PricingFacts['rates'] & { commission_bps: number };
}

/** A price, split as a quote stores it. */
export function priceAndSplit(facts: QuoteFacts): Priced & Shares {
  const price = priceRental(facts);
  return { ...price, ...splitPrice(price, facts.rates.commission_bps) };
}

/** Facts of an ordinary listing; Monday 2 March 2026, 09:00 in Vietnam, for one day. */
export function factsWith(changes: Partial<QuoteFacts> = {}): QuoteFacts {
  return {
    currency: 'VND',
    time_zone: 'Asia/Ho_Chi_Minh',
    starts_at: '2026-03-02T09:00:00+07:00',
    ends_at: '2026-03-03T09:00:00+07:00',
    price_per_hour: 100_000,
    price_per_day: 1_000_000,
    weekend_bps: 2_000,
    long_stay_days: 7,
    long_stay_discount_bps: 1_000,
    security_deposit: 3_000_000,
    delivery_fee: 150_000,
    rates: {
      service_fee_bps: 500,
      commission_bps: 1_500,
      vat_bps: 800,
      insurance: { basic: 500, premium: 1_000 },
    },
    options: {},
    cancellation_policy: { code: 'moderate', tiers: [{ hours_before: 72, refund_bps: 10_000 }] },
    quote_minutes: 10,
    ...changes,
  };
}
