import { SandboxError } from '../answers.ts';
import type { NotifyPlan } from '../delivery.ts';
import { stamp } from './clock.ts';
import type { VnpayContext } from './context.ts';
import { notify, resultParams } from './ipn.ts';
import { signedQuery } from './sign.ts';
import type { Outcome, Transaction } from './store.ts';

interface Codes {
  response: string;
  status: string;
  /** Whether money moved. */
  moved: boolean;
}

const codes: Record<Outcome, Codes> = {
  success: { response: '00', status: '00', moved: true },
  cancel: { response: '24', status: '02', moved: false },
  insufficient_funds: { response: '51', status: '02', moved: false },
  expire: { response: '11', status: '02', moved: false },
  suspicious: { response: '07', status: '07', moved: true },
};

/**
 * Ends a transaction as the payer chose, notifies, and answers the address that the payer's browser goes to. A
 * transaction that has ended stays as it is.
 */
export async function pay(
  transaction: Transaction,
  outcome: Outcome,
  plan: NotifyPlan,
  context: VnpayContext,
): Promise<string> {
  if (transaction.state === 'done') throw new SandboxError('02', `${transaction.txnRef} has ended already`);
  const { response, status, moved } = codes[outcome];
  transaction.state = 'done';
  transaction.outcome = outcome;
  transaction.responseCode = response;
  transaction.transactionStatus = status;
  const before = transaction.transactionNo;
  const number = before === '0' ? context.store.nextTransactionNo() : before;
  transaction.transactionNo = moved ? number : '0';
  transaction.bankCode = moved ? 'NCB' : 'VNPAY';
  transaction.payDate = stamp();
  context.store.save();
  await notify(transaction, plan, context);
  return returnAddress(transaction, context);
}

/** The address that the payer's browser goes to, with the signed result. */
export function returnAddress(transaction: Transaction, context: VnpayContext): string {
  const query = signedQuery(resultParams(transaction, context), context.hashSecret);
  return `${transaction.returnUrl}${transaction.returnUrl.includes('?') ? '&' : '?'}${query}`;
}
