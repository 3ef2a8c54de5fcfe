import type { NotifyPlan } from '../delivery.ts';
import type { VnpayContext } from './context.ts';
import { signedQuery } from './sign.ts';
import type { Transaction } from './store.ts';

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

function ipnUrlOf(transaction: Transaction, plan: NotifyPlan, context: VnpayContext): string {
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

/** Notifies the project. Resolves after the first call was answered, or at once when the plan does not wait. */
export function notify(transaction: Transaction, plan: NotifyPlan, context: VnpayContext): Promise<void> {
  const url = ipnUrlOf(transaction, plan, context);
  return context.courier.deliver(async () => {
    const answer = await context.courier.call(url, {}, transaction.notifications);
    context.store.save();
    return answer?.status === 200 && settled.has(rspCodeOf(answer.body));
  }, plan);
}

function rspCodeOf(body: string): string {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === 'object' && parsed !== null && 'RspCode' in parsed ? String(parsed.RspCode) : '';
  } catch {
    return '';
  }
}
