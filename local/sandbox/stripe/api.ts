import { timingSafeEqual } from 'node:crypto';
import type { SandboxAnswer, SandboxRequest } from '../answers.ts';
import { createSession, expireByCall, retrieveSession } from './checkout.ts';
import type { StripeContext } from './context.ts';
import { createRefund, listRefunds, retrieveRefund } from './refunds.ts';
import { refusalAnswer, StripeRefusal } from './refusal.ts';
import { newId } from './store.ts';

// after this, idempotency keys are forgotten
const keptMs = 24 * 3_600_000;

function checkKey(header: string | undefined, secretKey: string): void {
  const given = Buffer.from(header ?? '');
  const wanted = Buffer.from(`Bearer ${secretKey}`);
  if (given.length === wanted.length && timingSafeEqual(given, wanted)) return;
  const message = given.length === 0 ? 'You did not provide an API key.' : 'Invalid API Key provided: ***';
  throw new StripeRefusal({ status: 401, message });
}

function checkPace(context: StripeContext): void {
  const now = Date.now();
  if (now - context.lastReadAt < context.throttleMs) {
    throw new StripeRefusal({ status: 429, code: 'rate_limit', message: 'Request rate limit exceeded.' });
  }
  context.lastReadAt = now;
}

/** Does a call; null when no call has this name. */
function perform(request: SandboxRequest, path: string, context: StripeContext): unknown {
  const { method, body, url } = request;
  const query = url.search.slice(1);
  const [, name = '', id = '', action] =
    /^\/v1\/(checkout\/sessions|refunds)(?:\/(\w+))?(?:\/(\w+))?$/.exec(path) ?? [];
  switch (`${method} ${name}${id && '/:id'}${action ? `/${action}` : ''}`) {
    case 'POST checkout/sessions':
      return createSession(body, context);
    case 'GET checkout/sessions/:id':
      return retrieveSession(id, query, context);
    case 'POST checkout/sessions/:id/expire':
      return expireByCall(id, body, context);
    case 'POST refunds':
      return createRefund(body, context);
    case 'GET refunds':
      return listRefunds(query, context);
    case 'GET refunds/:id':
      return retrieveRefund(id, query, context);
    default:
      return null;
  }
}

function answerOnce(request: SandboxRequest, path: string, context: StripeContext): SandboxAnswer {
  const found = perform(request, path, context);
  if (found === null) {
    const message = `Unrecognized request URL (${request.method}: ${path}).`;
    throw new StripeRefusal({ status: 404, message });
  }
  const headers = { 'content-type': 'application/json' };
  return { status: 200, headers, body: JSON.stringify(found, null, 2) };
}

/** The same key gives the same answer, whatever has happened since, and never the answer of another call. */
function answerByKey(
  key: string,
  request: SandboxRequest,
  path: string,
  context: StripeContext,
): SandboxAnswer {
  const { answers } = context.store;
  const asked = `${path}\n${request.body}`;
  const kept = answers.get(key);
  if (kept && Date.now() - kept.at < keptMs) {
    if (kept.request !== asked) {
      const type = 'idempotency_error';
      const message = `Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '${key}' if you meant to execute a different request.`;
      throw new StripeRefusal({ type, message });
    }
    const headers = { 'content-type': 'application/json', 'idempotent-replayed': 'true' };
    return { status: kept.status, headers, body: kept.body };
  }
  const keep = (answer: SandboxAnswer) => {
    answers.set(key, { request: asked, status: answer.status, body: answer.body, at: Date.now() });
    return answer;
  };
  try {
    return keep(answerOnce(request, path, context));
  } catch (error) {
    if (error instanceof StripeRefusal && error.refused.kept) keep(refusalAnswer(error));
    throw error;
  }
}

/** Answers a call of Stripe's API; `path` begins with `/v1`. */
export function stripeApi(request: SandboxRequest, path: string, context: StripeContext): SandboxAnswer {
  const { method, headers } = request;
  let answer: SandboxAnswer;
  try {
    checkKey(headers.authorization, context.secretKey);
    if (method === 'GET') checkPace(context);
    const form = headers['content-type']?.startsWith('application/x-www-form-urlencoded');
    if (method === 'POST' && !form) {
      throw new StripeRefusal({ message: 'The body must be application/x-www-form-urlencoded.' });
    }
    const key = method === 'POST' ? headers['idempotency-key'] : undefined;
    answer =
      key === undefined ? answerOnce(request, path, context) : answerByKey(key, request, path, context);
  } catch (error) {
    if (!(error instanceof StripeRefusal)) throw error;
    answer = refusalAnswer(error);
  }
  context.store.save();
  const version = headers['stripe-version'] ?? '';
  return {
    ...answer,
    headers: { ...answer.headers, 'request-id': newId('req'), 'stripe-version': version },
  };
}
