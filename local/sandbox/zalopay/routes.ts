import {
  asHtml,
  asJson,
  readChoice,
  readObject,
  type SandboxAnswer,
  SandboxError,
  type SandboxRequest,
} from '../answers.ts';
import { readPlan } from '../delivery.ts';
import { notify } from './callback.ts';
import type { ZalopayContext } from './context.ts';
import { createOrder, queryOrder, tokenOf } from './orders.ts';
import { donePage, listPage, payPage, unknownPage } from './pages.ts';
import { pay, returnAddress } from './pay.ts';
import { orderRefund, queryRefund } from './refunds.ts';
import type { Message } from './sign.ts';
import { type Order, outcomes } from './store.ts';

// the merchant may send a form as well as JSON
function readMessage({ body, headers }: SandboxRequest): Message {
  const isForm = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  return isForm ? Object.fromEntries(new URLSearchParams(body)) : readObject(body);
}

function find(reference: unknown, context: ZalopayContext): Order {
  const order = context.store.find(String(reference));
  if (!order) throw new SandboxError('-101', `there is no order ${reference}`);
  return order;
}

const byToken = (token: string, context: ZalopayContext): Order | undefined =>
  [...context.store.orders.values()].find((order) => order.token === token);

const isPayable = (order: Order): boolean =>
  ['open', 'left', 'failed'].includes(order.state) && order.expiresAt > Date.now();

function openPage(order: Order | undefined, context: ZalopayContext): SandboxAnswer {
  if (!order) return asHtml(unknownPage(), 404);
  return asHtml(isPayable(order) ? payPage(order) : donePage(order, returnAddress(order, context)));
}

async function payOnPage(body: string, context: ZalopayContext): Promise<SandboxAnswer> {
  const form = new URLSearchParams(body);
  const order = byToken(form.get('token') ?? '', context);
  if (!order || !isPayable(order)) return openPage(order, context);
  const outcome = readChoice('outcome', form.get('outcome'), outcomes);
  const location = await pay(order, outcome, {}, true, context);
  return location === '' ? openPage(order, context) : { status: 303, headers: { location }, body: '' };
}

async function apiPay(body: Record<string, unknown>, context: ZalopayContext): Promise<SandboxAnswer> {
  const outcome = readChoice('outcome', body.outcome, outcomes);
  const order =
    typeof body.redirectUrl === 'string'
      ? byToken(tokenOf(new URL(body.redirectUrl)), context)
      : find(body.reference, context);
  if (!order) throw new SandboxError('-101', 'there is no order of this address');
  const redirectUrl = await pay(order, outcome, readPlan(body.notify), body.again === true, context);
  return asJson({ redirectUrl, transaction: order });
}

function changeSettings(body: Record<string, unknown>, context: ZalopayContext): SandboxAnswer {
  const { throttleMs, retryMs, stepMs } = body;
  if (typeof throttleMs === 'number') context.throttleMs = throttleMs;
  if (typeof retryMs === 'number') context.courier.retryMs = retryMs;
  if (typeof stepMs === 'number') context.stepMs = stepMs;
  return asJson({
    throttleMs: context.throttleMs,
    retryMs: context.courier.retryMs,
    stepMs: context.stepMs,
  });
}

/** Answers requests to ZaloPay; null for other requests. */
export async function zalopayRoutes(
  request: SandboxRequest,
  context: ZalopayContext,
): Promise<SandboxAnswer | null> {
  const { method, url, body } = request;
  switch (`${method} ${url.pathname}`) {
    case 'POST /zalopay/v2/create':
      return asJson(createOrder(readMessage(request), context));
    case 'POST /zalopay/v2/query':
      return asJson(queryOrder(readMessage(request), context));
    case 'POST /zalopay/v2/refund':
      return asJson(orderRefund(readMessage(request), context));
    case 'POST /zalopay/v2/query_refund':
      return asJson(queryRefund(readMessage(request), context));
    case 'GET /zalopay':
      return asHtml(listPage(context));
    case 'GET /zalopay/openinapp':
      return openPage(byToken(tokenOf(url), context), context);
    case 'POST /zalopay/pay':
      return payOnPage(body, context);
    case 'POST /zalopay/api/pay':
      return apiPay(readObject(body), context);
    case 'POST /zalopay/api/notify': {
      const sent = readObject(body);
      const order = find(sent.reference, context);
      if (order.state !== 'paid') {
        throw new SandboxError('-5', `${order.appTransId} is not paid, and of that ZaloPay says nothing`);
      }
      await notify(order, readPlan(sent.notify), context);
      return asJson(order);
    }
    case 'POST /zalopay/api/refund-verdict': {
      const { reference, verdict } = readObject(body);
      const order = find(reference, context);
      order.refundVerdict = readChoice('verdict', verdict, ['pay', 'reject']);
      context.store.save();
      return asJson(order);
    }
    case 'POST /zalopay/api/settings':
      return changeSettings(readObject(body), context);
    case 'GET /zalopay/api/transactions':
      return asJson([...context.store.orders.values()]);
    default:
      return null;
  }
}
