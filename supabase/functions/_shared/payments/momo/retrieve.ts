import type { AttemptInput, RetrieveResult } from '../provider.ts';
import { callMomo, type MomoAnswer, type MomoTools } from './api.ts';
import { readReport } from './report.ts';

/** MoMo asks for 30 s, but the outbox has 20 s for all of its calls, and asks again. */
export const apiTimeoutMs = 15_000;

// maintenance, access denied, API version, merchant authentication: passes once MoMo or our settings are fixed
export const temporary = new Set([10, 11, 12, 13]);

export async function query(input: AttemptInput, tools: MomoTools): Promise<MomoAnswer> {
  const { partnerCode } = tools.config;
  // MoMo repeats the answer of a known request id, so every query has a new one
  const requestId = crypto.randomUUID();
  const message = { partnerCode, requestId, orderId: input.reference, lang: 'en' };
  return callMomo('query', message, apiTimeoutMs, tools);
}

type Unsettled = { kind: 'try_later' | 'no_information'; reason: string };

// Codes below 1000, except 0, are about the query and say nothing about the payment.
export function unsettled(answer: MomoAnswer, input: AttemptInput, tools: MomoTools): Unsettled | null {
  const { code } = answer;
  if (code === -1) return { kind: 'no_information', reason: 'malformed' };
  if (code !== 0 && code < 1000) {
    return { kind: temporary.has(code) ? 'try_later' : 'no_information', reason: String(code) };
  }
  const ours = { partnerCode: tools.config.partnerCode, orderId: input.reference };
  return answer.confirms(ours) ? null : { kind: 'no_information', reason: 'other_order' };
}

/** Asks MoMo for the result of a payment. */
export async function retrieve(input: AttemptInput, tools: MomoTools): Promise<RetrieveResult> {
  const answer = await query(input, tools);
  // the answer has no signature, so `reconcileAttempt` trusts it only an hour after the attempt has expired
  if (answer.code === 42) return { kind: 'not_found', signed: false };
  const problem = unsettled(answer, input, tools);
  if (problem) return problem;
  const report = readReport(answer.body);
  if (report === null) return { kind: 'no_information', reason: 'malformed' };
  // a payment of another amount is reported; an unpaid one of another amount is an answer we cannot trust
  if (report.outcome !== 'succeeded' && report.amount !== input.amount) {
    return { kind: 'no_information', reason: 'other_amount' };
  }
  return { kind: 'reports', reports: [report] };
}
