import type { AttemptInput, RetrieveResult } from '../provider.ts';
import { callMomo, type MomoAnswer, type MomoTools } from './api.ts';
import { readReport } from './report.ts';

/** MoMo asks for 30 s; whoever asks from the outbox has 20 in all, and asks again. */
export const apiTimeoutMs = 15_000;

// maintenance, access denied, API version, merchant authentication: over once MoMo or our settings are mended
export const passing = new Set([10, 11, 12, 13]);

export async function query(input: AttemptInput, tools: MomoTools): Promise<MomoAnswer> {
  const { partnerCode } = tools.config;
  // an answer is remembered by its request id, so every question has a new one
  const requestId = crypto.randomUUID();
  const message = { partnerCode, requestId, orderId: input.reference, lang: 'en' };
  return callMomo('query', message, apiTimeoutMs, tools);
}

type Unsettled = { kind: 'try_later' | 'no_information'; reason: string };

// Codes below 1000, but 0, are about the question and say nothing of the payment.
export function unsettled(answer: MomoAnswer, input: AttemptInput, tools: MomoTools): Unsettled | null {
  const { code } = answer;
  if (code === -1) return { kind: 'no_information', reason: 'malformed' };
  if (code !== 0 && code < 1000) {
    return { kind: passing.has(code) ? 'try_later' : 'no_information', reason: String(code) };
  }
  const ours = { partnerCode: tools.config.partnerCode, orderId: input.reference };
  return answer.confirms(ours) ? null : { kind: 'no_information', reason: 'other_order' };
}

/** Asks MoMo what became of a payment. */
export async function retrieve(input: AttemptInput, tools: MomoTools): Promise<RetrieveResult> {
  const answer = await query(input, tools);
  // answers carry no signature, so an hour must pass before this one is believed
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
