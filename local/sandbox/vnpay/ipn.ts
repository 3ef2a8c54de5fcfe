import type { VnpayContext } from './context.ts';
import { signedQuery } from './sign.ts';
import type { Transaction } from './store.ts';

/** How a notification goes out; without any of it, once and at once, and again as long as VNPay would. */
export interface IpnPlan {
  /** Wait before the first call. */
  delayMs?: number;
  /** How many copies go out at the same moment. */
  times?: number;
  /** None goes out: the project must ask. */
  never?: boolean;
  /** The amount is changed after signing. */
  tamper?: boolean;
  /** Another amount, correctly signed. */
  wrongAmount?: boolean;
  /** Signed with a secret that is not the terminal's. */
  wrongSecret?: boolean;
  /** About another merchant's terminal, correctly signed. */
  foreignMerchant?: boolean;
  /** Whether the payer's browser is sent back only once the first call has been answered. */
  beforeReturn?: boolean;
}

const maxCalls = 10;
// VNPay stops on these two and calls again on everything else
const settled = new Set(['00', '02']);

/** The parameters of notification and return. */
export function resultParams(transaction: Transaction, context: VnpayContext): Record<string, string> {
  const paid = transaction.transactionNo !== '0';
  return {
    vnp_TmnCode: context.tmnCode,
    vnp_Amount: String(transaction.amount),
    vnp_BankCode: transaction.bankCode,
    vnp_BankTranNo: paid ? `VNP${transaction.transactionNo}` : '',
    vnp_CardType: paid ? 'ATM' : 'QRCODE',
    vnp_PayDate: transaction.payDate,
    vnp_OrderInfo: transaction.orderInfo,
    vnp_TransactionNo: transaction.transactionNo,
    vnp_ResponseCode: transaction.responseCode,
    vnp_TransactionStatus: transaction.transactionStatus,
    vnp_TxnRef: transaction.txnRef,
  };
}

function ipnUrlOf(transaction: Transaction, plan: IpnPlan, context: VnpayContext): string {
  const params = resultParams(transaction, context);
  if (plan.wrongAmount) params.vnp_Amount = String(transaction.amount - 100_000);
  if (plan.foreignMerchant) params.vnp_TmnCode = 'FOREIGN1';
  const secret = plan.wrongSecret ? `${context.hashSecret}X` : context.hashSecret;
  let query = signedQuery(params, secret);
  if (plan.tamper) {
    query = query.replace(/(vnp_Amount=)\d+/, `$1${transaction.amount - 100_000}`);
  }
  const base = context.ipnUrl();
  return `${base}${base.includes('?') ? '&' : '?'}${query}`;
}

async function callOnce(
  transaction: Transaction,
  url: string,
  context: VnpayContext,
): Promise<string | null> {
  const at = new Date().toISOString();
  let answer: string;
  let rspCode: string | null = null;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(context.ipnTimeoutMs) });
    const body = await response.text();
    answer = `${response.status} ${body.slice(0, 500)}`;
    const parsed: unknown = JSON.parse(body);
    if (response.status === 200 && typeof parsed === 'object' && parsed !== null && 'RspCode' in parsed) {
      rspCode = String(parsed.RspCode);
    }
  } catch (error) {
    answer = `no readable answer: ${error instanceof Error ? error.message : error}`;
  }
  transaction.notifications.push({ at, url, answer, rspCode });
  context.store.save();
  return rspCode;
}

function wait(ms: number, context: VnpayContext): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      context.timers.delete(timer);
      resolve();
    }, ms);
    timer.unref();
    context.timers.add(timer);
  });
}

async function deliver(transaction: Transaction, plan: IpnPlan, context: VnpayContext): Promise<void> {
  const url = ipnUrlOf(transaction, plan, context);
  const copies = Array.from({ length: Math.max(1, plan.times ?? 1) }, () =>
    callOnce(transaction, url, context),
  );
  const codes = await Promise.all(copies);
  if (codes.some((code) => code !== null && settled.has(code))) return;
  void retry(transaction, url, context);
}

async function retry(transaction: Transaction, url: string, context: VnpayContext): Promise<void> {
  for (let call = 2; call <= maxCalls; call += 1) {
    await wait(context.retryMs, context);
    if (context.closed) return;
    const code = await callOnce(transaction, url, context);
    if (code !== null && settled.has(code)) return;
  }
}

/** Notifies the project. Resolves once the first call has been answered, or at once when that is not wanted. */
export async function notify(transaction: Transaction, plan: IpnPlan, context: VnpayContext): Promise<void> {
  if (plan.never) return;
  if (plan.beforeReturn === false || (plan.delayMs ?? 0) > 0) {
    void wait(plan.delayMs ?? 0, context).then(() =>
      context.closed ? undefined : deliver(transaction, plan, context),
    );
    return;
  }
  await deliver(transaction, plan, context);
}
