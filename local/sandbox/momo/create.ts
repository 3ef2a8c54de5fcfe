import type { MomoContext } from './context.ts';
import { hmac, type Message } from './sign.ts';

/** The result of a call: its result code, and what else the answer says. */
export interface Done {
  code: number;
  more?: Message;
}

const requestTypes = ['captureWallet', 'payWithMethod', 'payWithATM', 'payWithCC'];

// a plain path, without query or fragment
const isIpnUrl = (value: unknown): boolean =>
  typeof value === 'string' && /^https?:\/\/[^\s?#&]{3,250}$/.test(value);

const isWellFormed = (message: Message): boolean =>
  requestTypes.includes(String(message.requestType)) &&
  typeof message.extraData === 'string' &&
  typeof message.orderInfo === 'string' &&
  /^.{1,255}$/.test(message.orderInfo) &&
  typeof message.redirectUrl === 'string' &&
  URL.canParse(message.redirectUrl) &&
  isIpnUrl(message.ipnUrl) &&
  /^[1-9]\d{0,11}$/.test(String(message.amount));

/** The part of a pay page's address that names its order and proves that this sandbox made it. */
export function pageQuery(orderId: string, { merchant }: MomoContext): string {
  const t = Buffer.from(`${merchant.partnerCode}|${orderId}`).toString('base64url');
  return `t=${t}&s=${hmac(merchant.secretKey, t)}`;
}

/** POST /v2/gateway/api/create. */
export function createOrder(message: Message, context: MomoContext): Done {
  if (!isWellFormed(message)) return { code: 20 };
  const amount = Number(message.amount);
  if (amount < 1_000 || amount > 50_000_000) return { code: 22 };
  const orderId = String(message.orderId);
  if (context.store.isUsed(orderId)) return { code: 41 };
  context.store.orders.set(orderId, {
    orderId,
    requestId: String(message.requestId),
    amount,
    orderInfo: String(message.orderInfo),
    redirectUrl: String(message.redirectUrl),
    ipnUrl: String(message.ipnUrl),
    extraData: String(message.extraData),
    lang: String(message.lang),
    createdAt: Date.now(),
    state: 'open',
    outcome: null,
    resultCode: 1000,
    transId: 0,
    payType: '',
    lastUpdated: Date.now(),
    notifications: [],
    refunds: [],
    refundVerdict: 'pay',
  });
  const query = pageQuery(orderId, context);
  const payUrl = `${context.baseUrl()}/momo/v2/gateway/pay?${query}`;
  const wallet = {
    deeplink: `momo://app?action=payWithApp&isScanQR=false&serviceType=app&sid=${query.slice(2).split('&')[0]}&v=3.0`,
    qrCodeUrl: `${context.baseUrl()}/momo/v2/gateway/app?isScanQr=true&${query}`,
  };
  // the page of all methods has no QR code and no deep link
  return { code: 0, more: { payUrl, ...(message.requestType === 'captureWallet' ? wallet : {}) } };
}
