import type { PaymentProvider } from './payments-rows.ts';
import type { Currency, Minor, Timestamp, Uuid } from './values.ts';

/** What covered a reversal, or a part of it. */
export interface ReversalCover {
  /** `refund`: one that was owed to the payer. `provider`: a chargeback was won, and the money is back. */
  covered_by: 'refund' | 'platform' | 'earner' | 'provider';
  amount: Minor;
  refund_id: Uuid | null;
  earner_id: Uuid | null;
  note: string | null;
  decided_by: Uuid | null;
  created_at: Timestamp;
}

/** Money of a payment that left its provider without a refund of ours. */
export interface PaymentReversal {
  id: Uuid;
  payment_id: Uuid;
  kind: 'chargeback' | 'portal_refund';
  provider: PaymentProvider;
  /** The provider's id of the dispute or refund. */
  provider_reference: string;
  amount: Minor;
  covered_amount: Minor;
  currency: Currency;
  note: string;
  recorded_by: Uuid;
  created_at: Timestamp;
  payable: { id: Uuid; kind: string; code: string; title: string };
  payer_id: Uuid;
  covers: ReversalCover[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    record_payment_reversal: PaymentReversal;
    cover_payment_reversal: PaymentReversal;
    list_payment_reversals: PaymentReversal;
  }
}
