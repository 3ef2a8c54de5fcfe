import type { RefundResult } from './provider.ts';

/** Money to be sent to a bank account. */
export interface TransferInput {
  /** Equal for repeats of one order, so that the money leaves once. */
  requestKey: string;
  /** Ours: letters and digits, at most 30. */
  reference: string;
  amount: number;
  currency: string;
  /** Six digits, as NAPAS numbers banks. */
  bankBin: string;
  accountNumber: string;
  accountName: string;
  /** What the receiver reads; ASCII, at most 25 characters. */
  message: string;
  /** The provider's id, once it gave one. */
  transferId: string | null;
}

/** Sends money to bank accounts: payouts, and refunds of rails that cannot refund. */
export interface TransferProvider {
  readonly name: 'payos';
  /** Orders a transfer; a repeat with the same `requestKey` sends nothing twice. */
  send(input: TransferInput): Promise<RefundResult>;
  /** Asks what became of one. `known: false` also when it is not there. */
  retrieve(input: TransferInput): Promise<RefundResult>;
  /** Why its settings are refused, so that it can do neither; it names the variable. */
  readonly problem?: string;
}
