import { asJson, readObject, type SandboxAnswer } from '../answers.ts';
import { messageOf } from './codes.ts';
import type { Call, MomoContext } from './context.ts';
import { createOrder } from './create.ts';
import { queryOrder } from './query.ts';
import { refundOrder } from './refund.ts';
import { createText, isSigned, type Message, queryText, refundText } from './sign.ts';

const texts = { create: createText, query: queryText, refund: refundText };
const work = { create: createOrder, query: queryOrder, refund: refundOrder };
const idForm = /^[0-9a-zA-Z][0-9a-zA-Z._-]{0,199}$/;

/** An answer with a code. MoMo repeats in it what it could read of the request. */
function answerOf(code: number, message: Message, more: Message = {}): Message {
  const { partnerCode, orderId, requestId, amount, lang } = message;
  const said = { partnerCode, orderId, requestId, amount: amount === undefined ? undefined : Number(amount) };
  return { ...said, responseTime: Date.now(), message: messageOf(code, lang), resultCode: code, ...more };
}

const httpStatus = (code: number): number =>
  code === 0 || code >= 1000 ? (code === 7000 ? 422 : 200) : code === 10 ? 503 : 400;

/** Answers one call: checks the caller, looks for a repeat, does the work and remembers the answer. */
function answerCall(call: Call, message: Message, context: MomoContext): Message {
  const { merchant, store } = context;
  const requestId = String(message.requestId ?? '');
  if (!/^.{1,50}$/.test(requestId) || !idForm.test(String(message.orderId ?? ''))) return answerOf(20, {});
  if (message.lang !== 'vi' && message.lang !== 'en') return answerOf(20, {});
  const text = texts[call](merchant, message);
  if (
    message.partnerCode !== merchant.partnerCode ||
    !isSigned(message.signature, text, merchant.secretKey)
  ) {
    return answerOf(13, message);
  }
  const known = store.requests.get(requestId);
  if (known) {
    const repeated = known.answer !== null && known.text === text && context.replay === 'answer';
    return repeated ? { ...known.answer } : answerOf(40, message);
  }
  const { code, more } = work[call](message, context);
  const answer = answerOf(code, message, more);
  // only final answers are repeated; not those of running calls, and not refusals of a bad form
  const final = code === 0 || (code >= 1000 && ![1000, 7000, 7002, 9000].includes(code));
  store.requests.set(requestId, { text, answer: final && call !== 'query' ? answer : null });
  store.save();
  return answer;
}

/** POST /v2/gateway/api/create, /query and /refund. */
export function gatewayCall(call: Call, body: string, context: MomoContext): SandboxAnswer {
  const message = readObject(body);
  const fault = context.faults.get(call);
  context.faults.delete(call);
  if (typeof fault === 'number') return asJson(answerOf(fault, message), httpStatus(fault));
  const answer = answerCall(call, message, context);
  if (fault === 'lost') return { status: 504, headers: { 'content-type': 'text/html' }, body: '<html>' };
  return asJson(answer, httpStatus(Number(answer.resultCode)));
}
