import type { RefundResult } from './provider.ts';

/** An order to send money to a bank account. */
export interface TransferInput {
  /** Equal for repeats of one order, so that the money leaves once. */
  requestKey: string;
  /** Ours: letters and digits, at most 30. */
  reference: string;
  amount: number;
  currency: string;
  /** NAPAS's six digits of the bank. */
  bankBin: string;
  accountNumber: string;
  accountName: string;
  /** The receiver reads it. ASCII, at most 25 characters. */
  message: string;
  /** The provider's id, once we know it. */
  transferId: string | null;
}

/** Sends money to bank accounts: payouts, and refunds of rails that cannot refund. */
export interface TransferProvider {
  readonly name: 'payos';
  /** Orders a transfer. A repeat with the same `requestKey` sends nothing twice. */
  send(input: TransferInput): Promise<RefundResult>;
  /** Asks for the result of a transfer. `known: false` also when the provider does not have it. */
  retrieve(input: TransferInput): Promise<RefundResult>;
  /** Why its settings are refused, so that both calls fail. It names the variable. */
  readonly problem?: string;
}
