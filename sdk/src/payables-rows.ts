import type { Tables } from './generated/database.ts';
import type { Timestamp, Uuid } from './values.ts';

/**
 * What a payment pays. `id` is that of what it is: of the booking, where `kind` is `booking`. `code` is what people know
 * it by; `starts_at` and `ends_at` say when it takes place, where it has a time.
 */
export type Payable = Pick<
  Tables['payables'],
  'id' | 'kind' | 'code' | 'title' | 'starts_at' | 'ends_at' | 'amount' | 'currency'
>;

/** Why the money of a payable waits; an old freeze has `ended_at`. */
export interface PayableFreezes {
  payable_id: Uuid;
  frozen: boolean;
  freezes: {
    reason: string;
    frozen_by: Uuid | null;
    frozen_at: Timestamp;
    ended_by: Uuid | null;
    ended_at: Timestamp | null;
  }[];
}

declare module './core/shapes.ts' {
  interface Shapes {
    freeze_payable: PayableFreezes;
    unfreeze_payable: PayableFreezes;
    cancel_payable: Payable;
  }
}
