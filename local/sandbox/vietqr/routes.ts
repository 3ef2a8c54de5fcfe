import {
  asHtml,
  asJson,
  readChoice,
  readObject,
  type SandboxAnswer,
  SandboxError,
  type SandboxRequest,
} from '../answers.ts';
import type { VietqrContext } from './context.ts';
import { scan } from './emv.ts';
import { listTransactions } from './list-api.ts';
import { type MessageChange, messageChanges } from './message-change.ts';
import { notify, readSepayPlan } from './notify.ts';
import { donePage, errorPage, listPage, payPage } from './pages.ts';
import { arrive, type Outcome, orderOf, outcomes, pay } from './pay.ts';

const readOutcome = (value: unknown): Outcome => readChoice('outcome', value ?? 'success', outcomes);
const readMessageChange = (value: unknown): MessageChange =>
  readChoice('messageChange', value ?? 'prefix', messageChanges);
const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

function qrOf({ qr, redirectUrl }: Record<string, unknown>): string | null {
  // VietQR has no page to go to; the link that opens a scanned code here takes its place
  return typeof redirectUrl === 'string' ? new URL(redirectUrl).searchParams.get('qr') : textOrNull(qr);
}

async function apiPay(sent: Record<string, unknown>, context: VietqrContext): Promise<SandboxAnswer> {
  const outcome = readOutcome(sent.outcome);
  const plan = readSepayPlan(sent.notify);
  const qr = qrOf(sent);
  const reference = textOrNull(sent.reference);
  if (sent.again === true) {
    const known = reference ?? (qr === null ? '' : scan(qr).message);
    return asJson({ redirectUrl: null, transaction: await arrive(known, outcome, plan, context) });
  }
  const amount = sent.amount === undefined ? null : Number(sent.amount);
  const message = textOrNull(sent.message);
  const messageChange = readMessageChange(sent.messageChange);
  const order = orderOf({ qr, reference, amount, message, messageChange }, context);
  return asJson({ redirectUrl: null, transaction: await pay(order, outcome, plan, context) });
}

/** The API for tests. */
async function testApi(
  name: string,
  sent: Record<string, unknown>,
  context: VietqrContext,
): Promise<SandboxAnswer | null> {
  switch (name) {
    case 'pay':
      return apiPay(sent, context);
    case 'notify': {
      const found = context.store.transactions.filter(
        ({ reference, state }) => reference === sent.reference && state === 'done',
      );
      if (found.length === 0)
        throw new SandboxError('notify', `no transfer for ${sent.reference} has arrived`);
      for (const transaction of found) await notify(transaction, readSepayPlan(sent.notify), context);
      return asJson(found);
    }
    case 'settings': {
      const { throttleMs, retryMs } = sent;
      if (typeof throttleMs === 'number') context.throttleMs = throttleMs;
      if (typeof retryMs === 'number') {
        context.retryMs = retryMs;
        for (const courier of context.couriers) courier.retryMs = retryMs;
      }
      return asJson({ throttleMs: context.throttleMs, retryMs: context.retryMs ?? null });
    }
    case 'refund-verdict':
      throw new SandboxError('unsupported', 'a bank account gives nothing back by itself');
    default:
      return null;
  }
}

async function payOnPage(form: URLSearchParams, context: VietqrContext): Promise<string> {
  const amount = form.get('amount') ?? '';
  const start = {
    qr: form.get('qr'),
    reference: null,
    amount: amount === '' ? null : Number(amount),
    message: form.get('message'),
    messageChange: readMessageChange(form.get('messageChange')),
  };
  return donePage(await pay(orderOf(start, context), readOutcome(form.get('outcome')), {}, context));
}

/** A page, or the page that says why there is none. */
async function show(make: () => Promise<string> | string): Promise<SandboxAnswer> {
  try {
    return asHtml(await make());
  } catch (error) {
    if (error instanceof SandboxError) return asHtml(errorPage(error), 400);
    throw error;
  }
}

/** Answers requests to the bank and its feed; null for other requests. */
export async function vietqrRoutes(
  request: SandboxRequest,
  context: VietqrContext,
): Promise<SandboxAnswer | null> {
  const { method, url, body } = request;
  const path = url.pathname.slice('/vietqr'.length);
  if (method === 'POST' && path.startsWith('/api/')) {
    return testApi(path.slice('/api/'.length), readObject(body), context);
  }
  switch (`${method} ${path}`) {
    case 'GET ':
      return asHtml(listPage(context));
    case 'GET /scan': {
      const qr = url.searchParams.get('qr') ?? '';
      return show(() => payPage(qr, scan(qr), context));
    }
    case 'POST /pay':
      return show(() => payOnPage(new URLSearchParams(body), context));
    case 'POST /arrive': {
      const form = new URLSearchParams(body);
      const outcome = readOutcome(form.get('outcome'));
      return show(async () => donePage(await arrive(form.get('reference') ?? '', outcome, {}, context)));
    }
    case 'GET /userapi/transactions/list':
      return listTransactions(request, context);
    case 'GET /api/transactions':
      return asJson(context.store.transactions);
    default:
      return null;
  }
}
