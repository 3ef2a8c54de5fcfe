import { Courier, type MerchantAnswer, type NotifyPlan, readPlan } from '../delivery.ts';
import { bankTime, codeOf, type VietqrContext } from './context.ts';
import { signedHeaders } from './sign.ts';
import type { Transaction } from './store.ts';

/** How SePay's notifications are sent, and what may be wrong with them. */
export interface SepayPlan extends NotifyPlan {
  /** Signed this long ago: a replay. */
  staleMs?: number;
}

/** Reads the notification plan from a request to the sandbox's API. */
export function readSepayPlan(value: unknown): SepayPlan {
  return { ...readPlan(value) };
}

// SePay's waits, which grow like the Fibonacci numbers
const pauses = [1, 1, 2, 3, 5, 8, 13].map((minutes) => minutes * 60_000);
const lastPause = 13 * 60_000;

function bodyOf(transaction: Transaction, plan: SepayPlan, { merchant }: VietqrContext): string {
  return JSON.stringify({
    id: transaction.id,
    gateway: 'Vietcombank',
    transactionDate: bankTime(transaction.bookedAt),
    accountNumber: plan.foreignMerchant ? '9999999999' : merchant.accountNumber,
    subAccount: null,
    code: codeOf(transaction.content),
    content: transaction.content,
    transferType: transaction.direction,
    description: `BankAPINotify ${transaction.content}`,
    transferAmount: plan.wrongAmount ? transaction.amount - 1_000 : transaction.amount,
    accumulated: transaction.accumulated,
    referenceCode: transaction.bankNumber,
  });
}

/** Whether SePay accepts the answer: 200 or 201, with success in the body. */
function isContent(answer: MerchantAnswer | null): boolean {
  if (answer === null || (answer.status !== 200 && answer.status !== 201)) return false;
  try {
    const body: unknown = JSON.parse(answer.body);
    return typeof body === 'object' && body !== null && 'success' in body && body.success === true;
  } catch {
    return false;
  }
}

/** Notifies the project. Resolves after the first call was answered, or at once when the plan does not wait. */
export function notify(transaction: Transaction, plan: SepayPlan, context: VietqrContext): Promise<void> {
  const { merchant, store, couriers, notifyTimeoutMs } = context;
  const signed = bodyOf(transaction, plan, context);
  const body = plan.tamper
    ? signed.replace(/("transferAmount":)\d+/, `$1${transaction.amount - 1_000}`)
    : signed;
  const secret = plan.wrongSecret ? `${merchant.webhookSecret}X` : merchant.webhookSecret;
  const pause = (calls: number): number => context.retryMs ?? pauses[calls - 1] ?? lastPause;
  const courier = new Courier({
    retryMs: pause(1),
    maxCalls: pauses.length + 1,
    timeoutMs: notifyTimeoutMs,
  });
  couriers.add(courier);
  // copies that are sent together count as one call of the schedule
  let calls = 1 - Math.max(1, plan.times ?? 1);
  return courier.deliver(async () => {
    calls += 1;
    courier.retryMs = pause(Math.max(1, calls));
    // each call has a new signature, because the timestamp is that of the call
    const headers = signedHeaders(signed, secret, Date.now() - (plan.staleMs ?? 0));
    const init = { method: 'POST', headers, body };
    const answer = await courier.call(context.webhookUrl(), init, transaction.notifications);
    store.save();
    return isContent(answer);
  }, plan);
}
