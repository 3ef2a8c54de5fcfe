import type { TransferAccount } from '../_shared/contracts/outbox.ts';
import type { TransferInput, TransferProvider } from '../_shared/payments/transfers.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import type { MoneyOrder } from './send-money.ts';

/** A transfer of ours, as the rows behind it say. */
interface TransferOrder {
  /** Of the refund or payout. */
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
export type Leg = Pick<MoneyOrder, 'by' | 'ask' | 'send' | 'longestCooldown'>;

// Transfers are found again by it. The id comes first, for people; an order anew must have another one, or the
// answer would be about the transfer that failed.
async function referenceOf(id: string, orderKey: string): Promise<string> {
  return `${id.replaceAll('-', '').slice(0, 20)}${(await sha256Hex(orderKey)).slice(0, 10)}`;
}

/** The leg of everything that is sent to a bank account. */
export async function transferLeg(order: TransferOrder, transfers: TransferProvider): Promise<Leg> {
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
    ask: () => transfers.retrieve(input),
    send: () => transfers.send(input),
    // between banks these take minutes at most
    longestCooldown: 900,
  };
}
