import { randomUUID } from 'node:crypto';
import type { SandboxAnswer } from '../answers.ts';
import { account, isoClock, type PayosContext } from './context.ts';
import { qrText } from './emv.ts';
import { refusal, signedReply } from './replies.ts';
import { hmac, isEqual, linkText } from './sign.ts';
import type { Link } from './store.ts';

export type LinkStatus = 'PENDING' | 'PROCESSING' | 'UNDERPAID' | 'PAID' | 'EXPIRED' | 'CANCELLED';

export function paidOf(link: Link): number {
  return link.incoming.reduce((sum, { amount }) => sum + amount, 0);
}

/** The state of a link. PayOS sends no notification when a link expires. */
export function statusOf(link: Link): LinkStatus {
  const paid = paidOf(link);
  if (paid >= link.amount) return 'PAID';
  if (link.canceledAt !== null) return 'CANCELLED';
  if (link.expired || link.expiredAt * 1000 <= Date.now()) return 'EXPIRED';
  if (link.processing) return 'PROCESSING';
  return paid > 0 ? 'UNDERPAID' : 'PENDING';
}

export function checkoutUrl(link: Link, context: PayosContext): string {
  return `${context.baseUrl()}/payos/web/${link.id}`;
}

export function qrOf(link: Link): string {
  const { accountNumber, amount, description } = link;
  return qrText({ bin: account.bin, accountNumber, amount, description });
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

function problemOf(request: Record<string, unknown>): string | null {
  if (!isWhole(request.orderCode, 1, Number.MAX_SAFE_INTEGER)) return 'orderCode must be a whole number';
  if (!isWhole(request.amount, 2_000, 9_999_999_999)) return 'amount must be a whole number from 2000';
  for (const name of ['returnUrl', 'cancelUrl']) {
    if (!/^https?:\/\/.+/.test(String(request[name] ?? ''))) return `${name} must be an address`;
  }
  // the sandbox's account is one that PayOS is not linked to
  if (typeof request.description !== 'string' || request.description.length > 9) {
    return 'description takes 9 characters at most';
  }
  if (!isWhole(request.expiredAt, 1, 2 ** 31 - 1)) return 'expiredAt must be in seconds, 32 bits';
  return request.expiredAt * 1000 <= Date.now() ? 'expiredAt has passed' : null;
}

/** POST /v2/payment-requests. */
export function createLink(request: Record<string, unknown>, context: PayosContext): SandboxAnswer {
  const { store, merchant } = context;
  const problem = problemOf(request);
  if (problem) return refusal('20', problem, 400);
  if (!isEqual(String(request.signature), hmac(merchant.checksumKey, linkText(request)))) {
    return refusal('201', 'Mã kiểm tra(signature) không hợp lệ');
  }
  const orderCode = Number(request.orderCode);
  if (store.links.has(orderCode)) return refusal('231', 'Đơn thanh toán đã tồn tại');
  const number = store.nextNumber();
  const link: Link = {
    id: randomUUID().replaceAll('-', ''),
    orderCode,
    amount: Number(request.amount),
    // banks put their own prefix before our text
    description: `CS${number.toString(36).toUpperCase()} ${request.description}`,
    accountNumber: `VQRQ${String(number).padStart(9, '0')}`,
    returnUrl: String(request.returnUrl),
    cancelUrl: String(request.cancelUrl),
    expiredAt: Number(request.expiredAt),
    createdAt: isoClock(),
    canceledAt: null,
    cancellationReason: null,
    processing: false,
    expired: false,
    incoming: [],
    notifications: [],
  };
  store.links.set(orderCode, link);
  store.save();
  const { id, amount, description, accountNumber, expiredAt } = link;
  const made = {
    ...{ bin: account.bin, accountNumber, accountName: account.name, amount, description, orderCode },
    ...{ currency: 'VND', paymentLinkId: id, status: 'PENDING', expiredAt },
    ...{ checkoutUrl: checkoutUrl(link, context), qrCode: qrOf(link) },
  };
  return signedReply(made, merchant.checksumKey);
}

function viewOf(link: Link): object {
  const { id, orderCode, amount, createdAt, canceledAt, cancellationReason } = link;
  const paid = paidOf(link);
  const transactions = link.incoming.map(({ reference, amount: part, at }) => ({
    ...{ reference, amount: part, accountNumber: link.accountNumber, description: link.description },
    ...{ transactionDateTime: at, virtualAccountName: null, virtualAccountNumber: null },
    ...{ counterAccountBankId: '970436', counterAccountBankName: null },
    ...{ counterAccountName: 'NGUYEN VAN A', counterAccountNumber: '0987654321' },
  }));
  const remaining = Math.max(0, amount - paid);
  return {
    ...{ id, orderCode, amount, amountPaid: paid, amountRemaining: remaining, status: statusOf(link) },
    ...{ createdAt, transactions, canceledAt, cancellationReason },
  };
}

/** GET /v2/payment-requests/{order code or link id}. */
export function showLink(link: Link | undefined, context: PayosContext): SandboxAnswer {
  if (!link) return refusal('101', 'Mã thanh toán không tồn tại');
  return signedReply(viewOf(link), context.merchant.checksumKey);
}

/** POST /v2/payment-requests/{order code or link id}/cancel. Only an open link can be cancelled, and once. */
export function cancelLink(
  link: Link | undefined,
  request: Record<string, unknown>,
  context: PayosContext,
): SandboxAnswer {
  if (!link) return refusal('101', 'Mã thanh toán không tồn tại');
  const status = statusOf(link);
  // PayOS does not publish its code for this
  if (status === 'PAID' || status === 'CANCELLED' || status === 'EXPIRED') {
    return refusal('104', `the order is ${status}`);
  }
  link.canceledAt = isoClock();
  link.cancellationReason =
    typeof request.cancellationReason === 'string' ? request.cancellationReason : null;
  context.store.save();
  return showLink(link, context);
}
