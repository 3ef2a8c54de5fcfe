import { asHtml, readChoice, readObject, type SandboxAnswer, type SandboxRequest } from '../answers.ts';
import type { PayosContext } from './context.ts';
import { cancelLink, createLink, showLink } from './links.ts';
import { listPage, payPage, unknownPage } from './pages.ts';
import { pay } from './pay.ts';
import { payoutsApi } from './payouts.ts';
import { refusal } from './replies.ts';
import { outcomes } from './store.ts';
import { findLink, testApi } from './test-api.ts';
import { confirmWebhook } from './webhook.ts';

const noOrder = (): SandboxAnswer => asHtml(unknownPage(), 404);

function merchantApi(
  { method, url, headers }: SandboxRequest,
  body: () => Record<string, unknown>,
  context: PayosContext,
): SandboxAnswer | Promise<SandboxAnswer> | null {
  const { clientId, apiKey } = context.merchant;
  if (headers['x-client-id'] !== clientId || headers['x-api-key'] !== apiKey) {
    return refusal('214', 'Cổng thanh toán không tồn tại hoặc đã tạm dừng');
  }
  const path = url.pathname.slice('/payos'.length);
  if (method === 'POST' && path === '/confirm-webhook') return confirmWebhook(body(), context);
  if (method === 'POST' && path === '/v2/payment-requests') return createLink(body(), context);
  const asked = /^\/v2\/payment-requests\/(\w+)(\/cancel)?$/.exec(path);
  if (!asked) return null;
  const link = findLink(asked[1], context);
  if (method === 'POST' && asked[2]) return cancelLink(link, body(), context);
  return method === 'GET' && !asked[2] ? showLink(link, context) : null;
}

async function payByForm(body: string, context: PayosContext): Promise<SandboxAnswer> {
  const form = new URLSearchParams(body);
  const link = findLink(form.get('id'), context);
  if (!link) return noOrder();
  const [word, amount] = (form.get('choice') ?? form.get('outcome') ?? '').split(':');
  const outcome = readChoice('outcome', word, outcomes);
  const sum = amount === undefined ? undefined : Number(amount);
  const location = await pay(link, { outcome, amount: sum, again: true, plan: {} }, context);
  return { status: 303, headers: { location }, body: '' };
}

/** Answers requests to PayOS; null for other requests. */
export async function payosRoutes(
  request: SandboxRequest,
  context: PayosContext,
): Promise<SandboxAnswer | null> {
  const { method, url } = request;
  const path = url.pathname;
  const body = (): Record<string, unknown> => readObject(request.body);
  if (path.startsWith('/payos/v1/')) return payoutsApi(request, body, context);
  if (path.startsWith('/payos/v2/') || path === '/payos/confirm-webhook') {
    return merchantApi(request, body, context);
  }
  if (path.startsWith('/payos/api/')) {
    return testApi(`${method} ${path.slice('/payos/api/'.length)}`, body, context);
  }
  if (method === 'POST' && path === '/payos/pay') return payByForm(request.body, context);
  if (method !== 'GET') return null;
  if (path === '/payos') return asHtml(listPage(context));
  const id = /^\/payos\/web\/(\w+)$/.exec(path)?.[1];
  if (id === undefined) return null;
  const link = findLink(id, context);
  return link ? asHtml(payPage(link)) : noOrder();
}
