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
import { type Outcome, outcomes } from './codes.ts';
import { calls, type MomoContext } from './context.ts';
import { gatewayCall } from './gateway.ts';
import { notify } from './ipn.ts';
import { donePage, errorPage, listPage, payPage } from './pages.ts';
import { orderOfPage, pay, returnAddress } from './pay.ts';
import { codeOf } from './query.ts';
import type { Order } from './store.ts';

function find(orderId: unknown, context: MomoContext): Order {
  const order = context.store.orders.get(String(orderId));
  if (!order) throw new SandboxError('42', `there is no order ${orderId}`);
  return order;
}

const readOutcome = (value: unknown): Outcome => readChoice('outcome', value, outcomes);

function isOver(order: Order, context: MomoContext): boolean {
  return order.state === 'done' || (order.state === 'open' && codeOf(order, context) === 1005);
}

function showOrder(order: Order, context: MomoContext): SandboxAnswer {
  if (!isOver(order, context)) return asHtml(payPage(order, context));
  const code = codeOf(order, context);
  return asHtml(donePage(order, code, returnAddress(order, code, context)));
}

async function payOnPage(form: URLSearchParams, context: MomoContext): Promise<SandboxAnswer> {
  const order = find(form.get('orderId'), context);
  if (isOver(order, context)) return showOrder(order, context);
  const outcome = readOutcome(form.get('outcome'));
  const location = await pay(order, outcome, {}, order.state === 'pending', context);
  return { status: 303, headers: { location }, body: '' };
}

/** The API for tests. */
async function testApi(
  name: string,
  sent: Record<string, unknown>,
  context: MomoContext,
): Promise<SandboxAnswer | null> {
  switch (name) {
    case 'pay': {
      const outcome = readOutcome(sent.outcome);
      const order =
        typeof sent.redirectUrl === 'string'
          ? orderOfPage(new URL(sent.redirectUrl).searchParams, context)
          : find(sent.reference, context);
      const redirectUrl = await pay(order, outcome, readPlan(sent.notify), sent.again === true, context);
      return asJson({ redirectUrl, transaction: order });
    }
    case 'notify': {
      const order = find(sent.reference, context);
      if (order.state === 'open') throw new SandboxError('1000', `${order.orderId} has not ended yet`);
      await notify(order, readPlan(sent.notify), context);
      return asJson(order);
    }
    case 'refund-verdict': {
      const order = find(sent.reference, context);
      order.refundVerdict = readChoice('verdict', sent.verdict, ['pay', 'reject']);
      // refunds still in process follow it too
      for (const refund of order.refunds) {
        if (Date.now() - refund.orderedAt < context.stepMs) refund.verdict = order.refundVerdict;
      }
      context.store.save();
      return asJson(order);
    }
    case 'fault': {
      const call = readChoice('call', sent.call, calls);
      const fault = typeof sent.fault === 'number' ? sent.fault : readChoice('fault', sent.fault, ['lost']);
      context.faults.set(call, fault);
      return asJson({ call, fault });
    }
    case 'settings': {
      const { retryMs, stepMs, lifeMs, replay } = sent;
      if (typeof retryMs === 'number') context.courier.retryMs = retryMs;
      if (typeof stepMs === 'number') context.stepMs = stepMs;
      if (typeof lifeMs === 'number') context.lifeMs = lifeMs;
      if (replay !== undefined) context.replay = readChoice('replay', replay, ['answer', 'refuse']);
      const { stepMs: step, lifeMs: life } = context;
      return asJson({ retryMs: context.courier.retryMs, stepMs: step, lifeMs: life, replay: context.replay });
    }
    default:
      return null;
  }
}

/** Answers requests to MoMo; null for other requests. */
export async function momoRoutes(
  { method, url, body }: SandboxRequest,
  context: MomoContext,
): Promise<SandboxAnswer | null> {
  const path = url.pathname.slice('/momo'.length);
  if (method === 'POST' && path.startsWith('/v2/gateway/api/')) {
    const call = calls.find((name) => path === `/v2/gateway/api/${name}`);
    return call === undefined ? null : gatewayCall(call, body, context);
  }
  if (method === 'POST' && path === '/pay') return payOnPage(new URLSearchParams(body), context);
  if (method === 'POST' && path.startsWith('/api/')) {
    return testApi(path.slice('/api/'.length), readObject(body), context);
  }
  if (method !== 'GET') return null;
  switch (path) {
    case '':
      return asHtml(listPage(context));
    case '/api/transactions':
      return asJson([...context.store.orders.values()]);
    // the page behind the link, and the page behind the QR code
    case '/v2/gateway/pay':
    case '/v2/gateway/app':
      try {
        return showOrder(orderOfPage(url.searchParams, context), context);
      } catch (error) {
        if (error instanceof SandboxError) return asHtml(errorPage(error), 400);
        throw error;
      }
    default:
      return null;
  }
}
