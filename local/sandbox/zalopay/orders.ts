import { randomBytes } from 'node:crypto';
import { type Answer, answerOf, refusal } from './answer.ts';
import { clockTolerance, dayOf } from './clock.ts';
import type { ZalopayContext } from './context.ts';
import { qrText } from './qr.ts';
import { isSigned, type Message, orderText, queryText } from './sign.ts';
import type { Order } from './store.ts';

const forms: Record<string, RegExp> = {
  app_user: /^.{1,50}$/u,
  app_trans_id: /^[\x21-\x7e]{7,40}$/,
  app_time: /^\d{13}$/,
  amount: /^[1-9]\d{3,8}$/,
  description: /^.{1,256}$/su,
};

function isJson(text: string, kind: 'object' | 'array', longest: number): boolean {
  try {
    const value: unknown = JSON.parse(text);
    const isArray = Array.isArray(value);
    return (
      text.length <= longest && typeof value === 'object' && value !== null && isArray === (kind === 'array')
    );
  } catch {
    return false;
  }
}

function formProblem(value: (name: string) => string): string | null {
  const wrong = Object.entries(forms).find(([name, form]) => !form.test(value(name)));
  if (wrong) return wrong[0];
  if (!isJson(value('embed_data'), 'object', 1024)) return 'embed_data';
  if (!isJson(value('item'), 'array', 2048)) return 'item';
  if (!/^(|https?:\/\/.{3,500})$/.test(value('callback_url'))) return 'callback_url';
  const life = Number(value('expire_duration_seconds') || 900);
  return Number.isInteger(life) && life >= 300 && life <= 2_592_000 ? null : 'expire_duration_seconds';
}

/** The address that a payer goes to for an order. */
export function orderUrl(token: string, context: ZalopayContext): string {
  const order = Buffer.from(JSON.stringify({ zptranstoken: token, appid: Number(context.appId) }));
  return `${context.baseUrl()}/zalopay/openinapp?order=${order.toString('base64url')}`;
}

/** The token in such an address; empty when there is none. */
export function tokenOf(url: URL): string {
  try {
    const order: unknown = JSON.parse(
      Buffer.from(url.searchParams.get('order') ?? '', 'base64url').toString(),
    );
    return typeof order === 'object' && order !== null && 'zptranstoken' in order
      ? String(order.zptranstoken)
      : '';
  } catch {
    return '';
  }
}

/** POST /v2/create. */
export function createOrder(message: Message, context: ZalopayContext): Answer {
  const value = (name: string): string => String(message[name] ?? '');
  if (value('app_id') !== context.appId) return refusal(-402, 'app_id is unknown');
  if (!isSigned(context.key1, orderText(message), message.mac)) return refusal(-402, 'mac is wrong');
  const wrong = formProblem(value);
  if (wrong) return refusal(-401, `${wrong} is malformed`);
  const id = value('app_trans_id');
  if (!id.startsWith(dayOf())) return refusal(-92, `app_trans_id must begin with ${dayOf()}`);
  const appTime = Number(value('app_time'));
  if (Math.abs(Date.now() - appTime) > clockTolerance)
    return refusal(-54, 'app_time is over 15 minutes away');
  if (context.store.orders.has(id)) return refusal(-68, 'app_trans_id was used before');
  const order: Order = {
    appTransId: id,
    reference: id.slice(6).replace(/^_/, ''),
    appUser: value('app_user'),
    amount: Number(value('amount')),
    appTime,
    embedData: value('embed_data'),
    item: value('item'),
    description: value('description'),
    callbackUrl: value('callback_url') || context.defaultCallbackUrl(),
    expiresAt: appTime + Number(value('expire_duration_seconds') || 900) * 1000,
    token: `AC${randomBytes(16).toString('base64url')}`,
    state: 'open',
    subCode: 0,
    zpTransId: '0',
    paidAt: 0,
    notifications: [],
    refunds: [],
    refundVerdict: 'pay',
  };
  context.store.orders.set(id, order);
  context.store.save();
  return answerOf(1, 1, 'Giao dịch thành công', {
    zp_trans_token: order.token,
    order_url: orderUrl(order.token, context),
    order_token: order.token,
    qr_code: qrText(order.amount, order.token),
  });
}

function standing(order: Order): Answer {
  const unpaid = {
    is_processing: false,
    amount: 0,
    zp_trans_id: 0,
    server_time: Date.now(),
    discount_amount: 0,
  };
  if (order.state === 'paid') {
    const { amount, paidAt, zpTransId } = order;
    const paid = { amount, server_time: paidAt, zp_trans_id: Number(zpTransId) };
    return answerOf(1, 1, 'Giao dịch thành công', { ...unpaid, ...paid });
  }
  if (order.state === 'processing') {
    return answerOf(3, 5, 'Giao dịch đang được xử lý', { ...unpaid, is_processing: true });
  }
  if (order.expiresAt <= Date.now()) return { ...refusal(-54, 'Giao dịch đã hết hạn'), ...unpaid };
  if (order.state === 'failed') return { ...refusal(order.subCode, 'Giao dịch thất bại'), ...unpaid };
  return answerOf(3, 3, 'Đơn hàng chưa thanh toán', unpaid);
}

/** POST /v2/query. The answer is not signed and does not name the order. */
export function queryOrder(message: Message, context: ZalopayContext): Answer {
  if (String(message.app_id) !== context.appId) return refusal(-402, 'app_id is unknown');
  if (!isSigned(context.key1, queryText(message, context.key1), message.mac)) {
    return refusal(-402, 'mac is wrong');
  }
  const id = String(message.app_trans_id);
  const last = context.lastQueryAt.get(id) ?? 0;
  if (Date.now() - last < context.throttleMs) return refusal(-429, 'Too many requests');
  context.lastQueryAt.set(id, Date.now());
  const order = context.store.orders.get(id);
  return order ? standing(order) : refusal(-101, 'app_trans_id does not exist');
}
