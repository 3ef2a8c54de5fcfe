import type { Timestamp, Uuid } from './values.ts';

/** Who is making a transfer by hand, in a list. Both are null when nobody has claimed it. */
export interface ClaimedTransfer {
  /** The admin who makes the transfer. Nobody else may record it in the meantime. */
  claimed_by: Uuid | null;
  claimed_at: Timestamp | null;
}

/**
 * Who is making a transfer by hand, and until when nobody else may. The answer to a claim, and the `details`
 * of `transfer_claimed`.
 */
export interface TransferClaim {
  claimed_by: Uuid;
  claimed_by_name: string;
  claimed_at: Timestamp;
  /** A day later. */
  expires_at: Timestamp;
}

/** By which transfer a refund or payout was paid: the `details` of `already_paid`. */
export interface PaidTransfer {
  /** `manual` is a transfer an admin made. */
  provider: string;
  /** The bank's reference of a transfer made by hand, or the provider's number. */
  reference: string | null;
  paid_at: Timestamp;
  /** The admin who said so; null when the provider did. */
  recorded_by: Uuid | null;
  recorded_by_name: string | null;
}
