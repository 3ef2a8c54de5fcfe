import { Courier, type NotifyPlan } from '../delivery.ts';
import { type StripeContext, seconds } from './context.ts';
import { signatureHeader } from './sign.ts';
import { newId, type Session, type StoredEvent } from './store.ts';

/** How an event is sent, with the options that only Stripe has. */
export interface StripePlan extends NotifyPlan {
  /** Also signed with an old secret, as Stripe does while a secret is replaced. */
  twoSignatures?: boolean;
  /** Formatted again after signing, as by a proxy that parses and prints. */
  reindented?: boolean;
  /** From the other mode: live instead of test. */
  otherMode?: boolean;
  /** Signed so long ago that it may be a replay. */
  stale?: boolean;
}

const apiVersion = '2026-10-28.endive';
// twelve doublings of a minute make the three days for which Stripe tries
const maxCalls = 13;

function payload(event: StoredEvent, plan: StripePlan): string {
  const object = { ...event.object };
  if (plan.wrongAmount) {
    for (const field of ['amount', 'amount_total', 'amount_subtotal']) {
      if (typeof object[field] === 'number') object[field] -= 1_000;
    }
  }
  const livemode = plan.otherMode === true;
  const whole = {
    id: event.id,
    object: 'event',
    ...(plan.foreignMerchant ? { account: 'acct_1FOREIGN' } : {}),
    api_version: apiVersion,
    created: event.created,
    data: { object: livemode ? { ...object, livemode } : object },
    livemode,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: event.type,
  };
  // as Stripe sends them: parsing and printing gives other bytes
  return JSON.stringify(whole, null, 2);
}

/** What happens to a body between Stripe and the project. */
function underway(body: string, plan: StripePlan): string {
  const sent = plan.tamper ? body.replace(/("amount(?:_total)?": )\d+/, '$11') : body;
  return plan.reindented ? JSON.stringify(JSON.parse(sent)) : sent;
}

/** Sends an event. Resolves after the first call was answered, or at once when the plan does not wait. */
export function send(
  session: Session,
  event: StoredEvent,
  plan: StripePlan,
  context: StripeContext,
): Promise<void> {
  const body = payload(event, plan);
  const secret = plan.wrongSecret ? `${context.webhookSecret}X` : context.webhookSecret;
  const courier = new Courier({
    retryMs: context.retryMs,
    maxCalls,
    timeoutMs: context.notifyTimeoutMs,
  });
  context.couriers.add(courier);
  let calls = 0;
  return courier.deliver(async () => {
    // each try has a new signature
    const timestamp = seconds() - (plan.stale ? 600 : 0);
    const oldSecret = plan.twoSignatures ? `${secret}OLD` : undefined;
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'stripe-signature': signatureHeader(body, { secret, timestamp, oldSecret }),
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
    };
    const init = { method: 'POST', headers, body: underway(body, plan) };
    const answer = await courier.call(context.webhookUrl(), init, session.notifications);
    context.store.save();
    calls += 1;
    courier.retryMs = context.retryMs * 2 ** Math.max(0, calls - Math.max(1, plan.times ?? 1));
    const content = answer !== null && answer.status >= 200 && answer.status < 300;
    if (content) context.couriers.delete(courier);
    return content;
  }, plan);
}

/** Stores what has happened as an event, and sends it. */
export function emit(
  session: Session,
  type: string,
  object: Record<string, unknown>,
  plan: StripePlan,
  context: StripeContext,
): Promise<void> {
  const event: StoredEvent = { id: newId('evt'), type, created: seconds(), object };
  session.events.push(event);
  context.store.save();
  return send(session, event, plan, context);
}
