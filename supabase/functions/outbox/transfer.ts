import type { TransferAccount } from '../_shared/contracts/outbox.ts';
import type { TransferInput, TransferProvider } from '../_shared/payments/transfers.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import type { MoneyOrder } from './send-money.ts';

/** A transfer of ours, from the rows behind it. */
interface TransferOrder {
  /** The id of the refund or payout. */
  id: string;
  /** New for each order, equal for repeats of one. */
  orderKey: string;
  amount: number;
  currency: string;
  account: TransferAccount;
  message: string;
  transferId: string | null;
}

/** The part of an order that says who sends it and how. */
export type Sender = Pick<MoneyOrder, 'by' | 'query' | 'send' | 'maxPollSeconds'>;

// We find transfers again by this reference. The id comes first, for people. A new order needs another
// reference, or the answer would be about the transfer that failed.
async function referenceOf(id: string, orderKey: string): Promise<string> {
  return `${id.replaceAll('-', '').slice(0, 20)}${(await sha256Hex(orderKey)).slice(0, 10)}`;
}

/** Sends to a bank account. */
export async function transferSender(order: TransferOrder, transfers: TransferProvider): Promise<Sender> {
  const { account } = order;
  const input: TransferInput = {
    requestKey: order.orderKey,
    reference: await referenceOf(order.id, order.orderKey),
    amount: order.amount,
    currency: order.currency,
    bankBin: account.bank_bin,
    accountNumber: account.account_number,
    accountName: account.account_name,
    message: order.message.slice(0, 25),
    transferId: order.transferId,
  };
  return {
    by: transfers.name,
    query: () => transfers.retrieve(input),
    send: () => transfers.send(input),
    // transfers between banks take minutes at most
    maxPollSeconds: 900,
  };
}
