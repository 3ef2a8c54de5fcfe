import type { Like } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { Payable } from './payables-rows.ts';
import type { ClaimedTransfer, TransferClaim } from './transfers-rows.ts';
import type { Minor, Timestamp } from './values.ts';

/**
 * Money of the signed-in host in one currency. `available` is what the next payout takes, negative when more was given
 * back than earned; `pending` is earned and waits for a claim window to close or money to be released; `on_the_way` is
 * in payouts that are not paid yet. Less than `payout_minimum` is not paid out but waits for more: then `below_minimum`
 * is true.
 */
export type Balance = Rows['my_balance'];

/** A bank that a person can be paid at. `bin` is what `setBankAccount` takes. */
export type Bank = Rows['banks'];

/** Where payouts, and refunds by bank transfer, go. The whole number is never shown again. */
export type BankAccount = Tables['bank_accounts'];

/** Money on its way to a host. */
export interface Payout extends Omit<Tables['payouts'], 'sending'> {}
export type PayoutStatus = Payout['status'];

/** What a payout is made of; the lines add up to its amount. */
export interface PayoutStatement {
  payout: Tables['payouts'];
  account: Pick<BankAccount, 'bank_bin' | 'account_last4' | 'holder_name'>;
  lines: { posted_at: Timestamp; event: string; payable: Payable | null; amount: Minor }[];
}

/** A payout as admins see it. */
export interface AdminPayout
  extends Omit<Like<Rows['list_payouts'], Payout>, keyof ClaimedTransfer>,
    ClaimedTransfer {}

/** Payouts proposed together, for an admin to approve. */
export interface PayoutBatch extends Omit<Tables['payout_batches'], 'status'> {
  status: 'proposed' | 'approved';
}

declare module './core/shapes.ts' {
  interface Shapes {
    payouts: Payout;
    payout_statement: PayoutStatement;
    list_payouts: AdminPayout;
    payout_batches: PayoutBatch;
    claim_manual_payout: TransferClaim;
  }
}
