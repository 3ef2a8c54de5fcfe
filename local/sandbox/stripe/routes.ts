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
import { stripeApi } from './api.ts';
import { expire } from './checkout.ts';
import { type StripeContext, seconds } from './context.ts';
import { emit, type StripePlan, send } from './events.ts';
import { intentObject, sessionObject } from './objects.ts';
import { donePage, errorPage, listPage, payPage } from './pages.ts';
import { pay, returnAddress } from './pay.ts';
import { settleRefunds } from './refunds.ts';
import { outcomes, type Session } from './store.ts';

/** What happens by itself: sessions expire, and banks decide on refunds. */
export function tick(context: StripeContext): void {
  for (const session of context.store.sessions.values()) {
    if (session.status === 'open' && session.expiresAt <= seconds()) void expire(session, {}, context);
    settleRefunds(session, context);
  }
}

function sessionIn(address: string): string {
  return /\/c\/pay\/(\w+)$/.exec(new URL(address).pathname)?.[1] ?? '';
}

function find({ redirectUrl, reference }: Record<string, unknown>, context: StripeContext): Session {
  const sessions = [...context.store.sessions.values()];
  const session =
    typeof redirectUrl === 'string'
      ? context.store.sessions.get(sessionIn(redirectUrl))
      : sessions.findLast((one) => one.reference === reference);
  if (!session) throw new SandboxError('resource_missing', `there is no session ${redirectUrl ?? reference}`);
  return session;
}

async function apiPay(body: Record<string, unknown>, context: StripeContext): Promise<SandboxAnswer> {
  const outcome = readChoice('outcome', body.outcome, outcomes);
  const session = find(body, context);
  const plan: StripePlan = readPlan(body.notify);
  const redirectUrl = await pay(session, outcome, plan, body.again === true, context);
  return asJson({ redirectUrl, transaction: session });
}

/** Sends the last event of the payment again, or makes one of the requested type. */
async function apiNotify(body: Record<string, unknown>, context: StripeContext): Promise<SandboxAnswer> {
  const session = find(body, context);
  const plan: StripePlan = readPlan(body.notify);
  const { type } = body;
  const event = session.events.findLast((one) =>
    typeof type === 'string' ? one.type === type : one.type.startsWith('checkout.session.'),
  );
  if (event) await send(session, event, plan, context);
  else if (typeof type === 'string') {
    const { intent } = session;
    const object = intent ? intentObject(session, intent) : sessionObject(session, context.baseUrl());
    await emit(session, type, object, plan, context);
  } else throw new SandboxError('no_event', `nothing has happened to ${session.id} yet`);
  return asJson(session);
}

function settings(body: Record<string, unknown>, context: StripeContext): SandboxAnswer {
  const { throttleMs, retryMs, stepMs } = body;
  if (typeof throttleMs === 'number') context.throttleMs = throttleMs;
  if (typeof retryMs === 'number') context.retryMs = retryMs;
  if (typeof stepMs === 'number') context.stepMs = stepMs;
  tick(context);
  return asJson({ throttleMs: context.throttleMs, retryMs: context.retryMs, stepMs: context.stepMs });
}

function openPage(id: string, context: StripeContext): SandboxAnswer {
  const session = context.store.sessions.get(id);
  if (!session) return asHtml(errorPage('There is no such session.'), 404);
  const open = session.status === 'open';
  return asHtml(open ? payPage(session) : donePage(session, returnAddress(session, context)));
}

/** A button of a page. */
async function press(body: string, context: StripeContext): Promise<SandboxAnswer> {
  const form = new URLSearchParams(body);
  const id = form.get('session') ?? '';
  const session = context.store.sessions.get(id);
  if (!session) return openPage(id, context);
  const outcome = readChoice('outcome', form.get('outcome'), outcomes);
  try {
    const location = await pay(session, outcome, {}, true, context);
    return { status: 303, headers: { location }, body: '' };
  } catch (error) {
    // two clicks, or a page that stayed open
    if (error instanceof SandboxError) return openPage(id, context);
    throw error;
  }
}

/** Answers requests to Stripe; null for other requests. */
export async function stripeRoutes(
  request: SandboxRequest,
  context: StripeContext,
): Promise<SandboxAnswer | null> {
  const { method, url, body } = request;
  tick(context);
  const path = url.pathname.slice('/stripe'.length);
  if (path.startsWith('/v1/')) return stripeApi(request, path, context);
  if (method === 'GET' && path.startsWith('/c/pay/')) return openPage(path.slice('/c/pay/'.length), context);
  switch (`${method} ${path}`) {
    case 'GET ':
      return asHtml(listPage(context));
    case 'POST /pay':
      return press(body, context);
    case 'POST /api/pay':
      return apiPay(readObject(body), context);
    case 'POST /api/notify':
      return apiNotify(readObject(body), context);
    case 'POST /api/refund-verdict': {
      const asked = readObject(body);
      const session = find(asked, context);
      session.refundVerdict = readChoice('verdict', asked.verdict, ['pay', 'reject']);
      context.store.save();
      return asJson(session);
    }
    case 'POST /api/settings':
      return settings(readObject(body), context);
    case 'GET /api/transactions':
      return asJson([...context.store.sessions.values()]);
    default:
      return null;
  }
}
