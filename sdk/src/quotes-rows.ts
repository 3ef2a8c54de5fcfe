import type { QuotesRow, Tables } from './generated/database.ts';
import type { PriceLine, PricingFacts } from './generated/pricing/index.ts';

/** The share that is refunded, by how long before the start a booking is cancelled. */
export interface CancellationPolicy {
  code: CancellationPolicyCode;
  tiers: { hours_before: number; refund_bps: number }[];
}
export type CancellationPolicyCode = Tables['vehicles']['cancellation_policy'];

/** What is paid, and the deposit and the tax in it. */
export interface Amounts
  extends Pick<Tables['quotes'], 'currency' | 'total_amount' | 'deposit_amount' | 'tax_amount'> {}

/** A price that holds until `expires_at`, and the only thing a booking is made from. */
export interface Quote extends QuotesRow {
  lines: PriceLine[];
  cancellation_policy: CancellationPolicy;
  /** What the price was computed from; `quotes.estimate` takes it for other dates or options. */
  facts: PricingFacts;
}

declare module './core/shapes.ts' {
  interface Shapes {
    quotes: Quote;
  }
}
