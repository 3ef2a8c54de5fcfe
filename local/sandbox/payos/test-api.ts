import { asJson, readChoice, type SandboxAnswer, SandboxError } from '../answers.ts';
import { readPlan } from '../delivery.ts';
import type { PayosContext } from './context.ts';
import { statusOf } from './links.ts';
import { pay } from './pay.ts';
import { stateOf } from './payouts.ts';
import { type Link, outcomes } from './store.ts';
import { notifyAgain } from './webhook.ts';

type Body = Record<string, unknown>;

/** A link by our reference, its order code, its id or its address. */
export function findLink(name: unknown, context: PayosContext): Link | undefined {
  const text = String(name ?? '');
  const code = Number(/^J?(\d{1,16})$/.exec(text)?.[1] ?? Number.NaN);
  const id = text.split('/').at(-1);
  return context.store.links.get(code) ?? [...context.store.links.values()].find((link) => link.id === id);
}

function known(body: Body, context: PayosContext): Link {
  const name = body.redirectUrl ?? body.reference;
  const link = findLink(name, context);
  if (!link) throw new SandboxError('101', `there is no order ${name}`);
  return link;
}

const shown = (link: Link): object => ({ ...link, status: statusOf(link) });

async function payByApi(body: Body, context: PayosContext): Promise<SandboxAnswer> {
  const outcome = readChoice('outcome', body.outcome, outcomes);
  const link = known(body, context);
  const amount = body.amount === undefined ? undefined : Number(body.amount);
  const payment = { outcome, amount, again: body.again === true, plan: readPlan(body.notify) };
  const redirectUrl = await pay(link, payment, context);
  return asJson({ redirectUrl, transaction: shown(link) });
}

function decide(body: Body, context: PayosContext): SandboxAnswer {
  const reference = String(body.reference ?? '');
  const verdict = readChoice('verdict', body.verdict, ['pay', 'reject'] as const);
  const states = context.store.payouts.filter(({ referenceId }) => referenceId === reference);
  if (states.some((payout) => stateOf(payout, context) === 'SUCCEEDED')) {
    throw new SandboxError('03', `${reference} has been paid already`);
  }
  context.store.verdicts.set(reference, verdict);
  context.store.save();
  return asJson({ reference, verdict });
}

function settings(body: Body, context: PayosContext): SandboxAnswer {
  if (typeof body.retryMs === 'number') context.courier.retryMs = body.retryMs;
  if (typeof body.stepMs === 'number') context.stepMs = body.stepMs;
  if (typeof body.balance === 'number') context.store.balance = body.balance;
  context.store.save();
  const { courier, stepMs, store } = context;
  return asJson({ retryMs: courier.retryMs, stepMs, balance: store.balance });
}

/**
 * The test API under /payos/api/; null for other requests. PayOS has no refunds, so there is no verdict about
 * them.
 */
export async function testApi(
  call: string,
  body: () => Body,
  context: PayosContext,
): Promise<SandboxAnswer | null> {
  switch (call) {
    case 'POST pay':
      return payByApi(body(), context);
    case 'POST notify': {
      const asked = body();
      const link = known(asked, context);
      await notifyAgain(link, asked.transaction, readPlan(asked.notify), context);
      return asJson(shown(link));
    }
    case 'POST transfer-verdict':
      return decide(body(), context);
    case 'POST settings':
      return settings(body(), context);
    case 'GET transactions':
      return asJson([...context.store.links.values()].map(shown));
    case 'GET transfers':
      return asJson(context.store.payouts.map((payout) => ({ ...payout, state: stateOf(payout, context) })));
    default:
      return null;
  }
}
