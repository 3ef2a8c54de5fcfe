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
import type { VnpayContext } from './context.ts';
import { notify } from './ipn.ts';
import { openLink } from './link.ts';
import { merchantApi } from './merchant-api.ts';
import { donePage, errorPage, listPage, payPage } from './pages.ts';
import { pay, returnAddress } from './pay.ts';
import { type Outcome, outcomes, type Transaction } from './store.ts';

function find(txnRef: unknown, context: VnpayContext): Transaction {
  const transaction = context.store.transactions.get(String(txnRef));
  if (!transaction)
    throw new SandboxError('91', `there is no transaction ${txnRef}; open its pay link first`);
  return transaction;
}

function open(transaction: Transaction, context: VnpayContext): string {
  return transaction.state === 'done'
    ? donePage(transaction, returnAddress(transaction, context))
    : payPage(transaction);
}

const readOutcome = (value: unknown): Outcome => readChoice('outcome', value, outcomes);

async function apiPay(body: Record<string, unknown>, context: VnpayContext): Promise<SandboxAnswer> {
  const outcome = readOutcome(body.outcome);
  const transaction =
    typeof body.redirectUrl === 'string'
      ? openLink(Object.fromEntries(new URL(body.redirectUrl).searchParams), context)
      : find(body.reference, context);
  // a payer whose first try failed pays after all, or VNPay decides about money that it holds
  const undecided = transaction.transactionNo === '0' || transaction.outcome === 'suspicious';
  if (body.again === true && undecided) transaction.state = 'open';
  const redirectUrl = await pay(transaction, outcome, readPlan(body.notify), context);
  return asJson({ redirectUrl, transaction });
}

/** Answers requests to VNPay; null for other requests. */
export async function vnpayRoutes(
  { method, url, body }: SandboxRequest,
  context: VnpayContext,
): Promise<SandboxAnswer | null> {
  const params = Object.fromEntries(url.searchParams);
  const known = context.store.transactions.get(/^\/vnpay\/payments\/(\w+)$/.exec(url.pathname)?.[1] ?? '');
  if (method === 'GET' && known) return asHtml(open(known, context));
  switch (`${method} ${url.pathname}`) {
    case 'GET /vnpay':
      return asHtml(listPage(context));
    case 'GET /vnpay/paymentv2/vpcpay.html':
      try {
        return asHtml(open(openLink(params, context), context));
      } catch (error) {
        if (error instanceof SandboxError) return asHtml(errorPage(error), 400);
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
    case 'POST /vnpay/api/notify': {
      const sent = readObject(body);
      const transaction = find(sent.reference, context);
      if (transaction.state !== 'done')
        throw new SandboxError('03', `${transaction.txnRef} has not ended yet`);
      await notify(transaction, readPlan(sent.notify), context);
      return asJson(transaction);
    }
    case 'POST /vnpay/api/refund-verdict': {
      const { reference, verdict } = readObject(body);
      const transaction = find(reference, context);
      transaction.refundVerdict = readChoice('verdict', verdict, ['pay', 'reject']);
      context.store.save();
      return asJson(transaction);
    }
    case 'POST /vnpay/api/settings': {
      const { throttleMs, retryMs, stepMs } = readObject(body);
      if (typeof throttleMs === 'number') context.throttleMs = throttleMs;
      if (typeof retryMs === 'number') context.courier.retryMs = retryMs;
      if (typeof stepMs === 'number') context.stepMs = stepMs;
      return asJson({
        throttleMs: context.throttleMs,
        retryMs: context.courier.retryMs,
        stepMs: context.stepMs,
      });
    }
    case 'GET /vnpay/api/transactions':
      return asJson([...context.store.transactions.values()]);
    default:
      return null;
  }
}
