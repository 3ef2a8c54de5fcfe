import { SandboxError } from '../answers.ts';
import type { VietqrContext } from './context.ts';
import { scan } from './emv.ts';
import { changeMessage, type MessageChange } from './message-change.ts';
import { notify, type SepayPlan } from './notify.ts';
import type { Transaction } from './store.ts';

/**
 * What a person or a test may do in the bank's app. `pending` orders a transfer that arrives when it is paid
 * `again`. `out` is the merchant's own transfer. The others move no money, and a bank reports none of them.
 */
export const outcomes = ['success', 'pending', 'out', 'cancel', 'insufficient_funds', 'expire'] as const;
export type Outcome = (typeof outcomes)[number];

/** A transfer, as its payer orders it. */
export interface Order {
  reference: string;
  amount: number;
  message: string;
  messageChange: MessageChange;
}

/** What the payer begins with: a QR code, or a reference typed from a screen. */
export interface Start {
  qr: string | null;
  reference: string | null;
  amount: number | null;
  message: string | null;
  messageChange: MessageChange;
}

/** Reads the QR code if there is one. What the payer typed has priority. */
export function orderOf(start: Start, { merchant }: VietqrContext): Order {
  const scanned = start.qr === null ? null : scan(start.qr);
  if (scanned && (scanned.bankBin !== merchant.bankBin || scanned.accountNumber !== merchant.accountNumber)) {
    throw new SandboxError('account', `bank ${scanned.bankBin} has no account ${scanned.accountNumber}`);
  }
  const amount = start.amount ?? scanned?.amount ?? null;
  if (amount === null || !Number.isSafeInteger(amount) || amount < 1) {
    throw new SandboxError('amount', 'the amount must be whole đồng');
  }
  const message = start.message ?? scanned?.message ?? start.reference ?? '';
  const reference = start.reference ?? (scanned?.message || message);
  return { reference, amount, message, messageChange: start.messageChange };
}

function book(transaction: Transaction, { store }: VietqrContext): void {
  store.balance += transaction.direction === 'in' ? transaction.amount : -transaction.amount;
  transaction.state = 'done';
  transaction.bookedAt = Date.now();
  transaction.accumulated = store.balance;
  store.save();
}

/** Does what the payer chose, and lets SePay notify. Answers the movement, or null. */
export async function pay(
  order: Order,
  outcome: Outcome,
  plan: SepayPlan,
  context: VietqrContext,
): Promise<Transaction | null> {
  const { store, merchant } = context;
  if (outcome === 'cancel' || outcome === 'insufficient_funds' || outcome === 'expire') return null;
  const id = store.nextNumber();
  const bankNumber = 3_278_907_000 + id;
  const transaction: Transaction = {
    id,
    bankNumber: `MBVCB.${bankNumber}`,
    direction: outcome === 'out' ? 'out' : 'in',
    reference: order.reference,
    amount: order.amount,
    content: changeMessage(order.message, order.messageChange, bankNumber, merchant.accountNumber),
    state: 'pending',
    bookedAt: Date.now(),
    accumulated: 0,
    notifications: [],
  };
  store.transactions.push(transaction);
  if (outcome === 'pending') {
    store.save();
    return transaction;
  }
  book(transaction, context);
  await notify(transaction, plan, context);
  return transaction;
}

/** Lets a pending transfer arrive, or fail. */
export async function arrive(
  reference: string,
  outcome: Outcome,
  plan: SepayPlan,
  context: VietqrContext,
): Promise<Transaction> {
  const { transactions } = context.store;
  const at = transactions.findIndex((one) => one.reference === reference && one.state === 'pending');
  const transaction = transactions[at];
  if (!transaction) throw new SandboxError('pending', `no transfer for ${reference} is on its way`);
  if (outcome === 'success') {
    book(transaction, context);
    await notify(transaction, plan, context);
  } else if (outcome !== 'pending') {
    transactions.splice(at, 1);
    context.store.save();
  }
  return transaction;
}
