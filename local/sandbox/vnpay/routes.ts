import type { VnpayContext } from './context.ts';
import { type IpnPlan, notify } from './ipn.ts';
import { LinkError, openLink } from './link.ts';
import { merchantApi } from './merchant-api.ts';
import { donePage, errorPage, listPage, payPage } from './pages.ts';
import { pay, returnAddress } from './pay.ts';
import { type Outcome, outcomes, type Transaction } from './store.ts';

/** A request as the routes see it. */
export interface SandboxRequest {
  method: string;
  url: URL;
  body: string;
}

export interface SandboxAnswer {
  status: number;
  headers?: Record<string, string>;
  body: string;
}

const asHtml = (body: string, status = 200): SandboxAnswer => ({
  status,
  headers: {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  },
  body,
});
const asJson = (body: unknown, status = 200): SandboxAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

function readObject(text: string): Record<string, unknown> {
  const value: unknown = JSON.parse(text === '' ? '{}' : text);
  if (typeof value !== 'object' || value === null)
    throw new LinkError('03', 'the body must be a JSON object');
  return { ...value };
}

function find(txnRef: unknown, context: VnpayContext): Transaction {
  const transaction = context.store.transactions.get(String(txnRef));
  if (!transaction) throw new LinkError('91', `there is no transaction ${txnRef}; open its pay link first`);
  return transaction;
}

function readOutcome(value: unknown): Outcome {
  const outcome = outcomes.find((known) => known === value);
  if (!outcome) throw new LinkError('03', `outcome must be one of ${outcomes.join(', ')}`);
  return outcome;
}

function planOf(body: Record<string, unknown>): IpnPlan {
  return typeof body.ipn === 'object' && body.ipn !== null ? { ...body.ipn } : {};
}

async function apiPay(body: Record<string, unknown>, context: VnpayContext): Promise<SandboxAnswer> {
  const outcome = readOutcome(body.outcome);
  const transaction =
    typeof body.payUrl === 'string'
      ? openLink(Object.fromEntries(new URL(body.payUrl).searchParams), context)
      : find(body.txnRef, context);
  // a payer whose first try failed pays after all
  if (body.again === true && transaction.transactionNo === '0') transaction.state = 'open';
  const plan = planOf(body);
  const redirectUrl = await pay(transaction, outcome, plan, context);
  return asJson({ redirectUrl, transaction });
}

/** Answers what belongs to VNPay, or null. */
export async function vnpayRoutes(
  { method, url, body }: SandboxRequest,
  context: VnpayContext,
): Promise<SandboxAnswer | null> {
  const params = Object.fromEntries(url.searchParams);
  switch (`${method} ${url.pathname}`) {
    case 'GET /':
    case 'GET /vnpay':
      return asHtml(listPage(context));
    case 'GET /vnpay/paymentv2/vpcpay.html':
      try {
        const transaction = openLink(params, context);
        return asHtml(
          transaction.state === 'done'
            ? donePage(transaction, returnAddress(transaction, context))
            : payPage(transaction),
        );
      } catch (error) {
        if (error instanceof LinkError) return asHtml(errorPage(error), 400);
        throw error;
      }
    case 'POST /vnpay/pay': {
      const form = new URLSearchParams(body);
      const transaction = find(form.get('txnRef'), context);
      if (transaction.state === 'done')
        return asHtml(donePage(transaction, returnAddress(transaction, context)));
      const location = await pay(transaction, readOutcome(form.get('outcome')), {}, context);
      return { status: 303, headers: { location }, body: '' };
    }
    case 'POST /vnpay/merchant_webapi/api/transaction':
      return asJson(merchantApi(readObject(body), context));
    case 'POST /vnpay/api/pay':
      return apiPay(readObject(body), context);
    case 'POST /vnpay/api/ipn': {
      const sent = readObject(body);
      const transaction = find(sent.txnRef, context);
      if (transaction.state !== 'done') throw new LinkError('03', `${transaction.txnRef} has not ended yet`);
      await notify(transaction, planOf(sent), context);
      return asJson(transaction);
    }
    case 'POST /vnpay/api/refund-verdict': {
      const { txnRef, verdict } = readObject(body);
      const transaction = find(txnRef, context);
      if (verdict !== 'pay' && verdict !== 'reject')
        throw new LinkError('03', 'verdict must be pay or reject');
      transaction.refundVerdict = verdict;
      context.store.save();
      return asJson(transaction);
    }
    case 'POST /vnpay/api/settings': {
      const { throttleMs, retryMs, refundStepMs } = readObject(body);
      if (typeof throttleMs === 'number') context.throttleMs = throttleMs;
      if (typeof retryMs === 'number') context.retryMs = retryMs;
      if (typeof refundStepMs === 'number') context.refundStepMs = refundStepMs;
      return asJson({
        throttleMs: context.throttleMs,
        retryMs: context.retryMs,
        refundStepMs: context.refundStepMs,
      });
    }
    case 'GET /vnpay/api/transactions':
      return asJson([...context.store.transactions.values()]);
    default:
      return null;
  }
}
