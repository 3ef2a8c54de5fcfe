import { SandboxError } from '../answers.ts';
import type { NotifyPlan } from '../delivery.ts';
import { type Outcome, outcomeCodes } from './codes.ts';
import type { MomoContext } from './context.ts';
import { pageQuery } from './create.ts';
import { notify, resultOf } from './ipn.ts';
import { codeOf } from './query.ts';
import { hmac, resultText } from './sign.ts';
import type { Order } from './store.ts';

const moved = (outcome: Outcome): boolean => outcome === 'success' || outcome === 'authorized';

/** Finds the order of a pay page's address. */
export function orderOfPage(params: URLSearchParams, context: MomoContext): Order {
  const orderId =
    Buffer.from(params.get('t') ?? '', 'base64url')
      .toString('utf8')
      .split('|')[1] ?? '';
  const order = context.store.orders.get(orderId);
  if (!order || new URLSearchParams(pageQuery(orderId, context)).get('s') !== params.get('s')) {
    throw new SandboxError('42', 'there is no such pay page');
  }
  return order;
}

/**
 * Ends an order as the payer chose, notifies, and answers the address that the payer's browser goes to. A paid
 * order stays as it is. An order that failed or expired is paid only with `again`.
 */
export async function pay(
  order: Order,
  outcome: Outcome,
  plan: NotifyPlan,
  again: boolean,
  context: MomoContext,
): Promise<string> {
  if (order.transId !== 0) throw new SandboxError('41', `${order.orderId} is paid already`);
  if (order.state !== 'open' && !again) throw new SandboxError('41', `${order.orderId} has ended already`);
  const over = codeOf(order, context) === 1005 && outcome !== 'expire';
  if (over && !again) throw new SandboxError('1005', 'the page has expired');
  // a payer who just leaves causes no notification, and the order stays open
  if (outcome === 'leave') return returnAddress(order, 1006, context);
  order.state = outcome === 'pending' ? 'pending' : 'done';
  order.outcome = outcome;
  order.resultCode = outcomeCodes[outcome];
  order.transId = moved(outcome) ? context.store.nextTransId() : 0;
  order.payType = moved(outcome) ? 'qr' : '';
  order.lastUpdated = Date.now();
  context.store.save();
  const address = returnAddress(order, order.resultCode, context);
  await notify(order, plan, context);
  return address;
}

/** The address that the payer's browser goes to, with the signed result. */
export function returnAddress(order: Order, code: number, context: MomoContext): string {
  const result = resultOf(order, code, context);
  const signature = hmac(context.merchant.secretKey, resultText(context.merchant, result));
  const pairs = Object.entries({ ...result, signature }).map(([key, value]) => [key, String(value)]);
  const query = new URLSearchParams(pairs).toString();
  return `${order.redirectUrl}${order.redirectUrl.includes('?') ? '&' : '?'}${query}`;
}
