import { callApi, type Outside } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { PayosConfig } from './config.ts';
import { isFields } from './fields.ts';
import { dataText } from './sign.ts';

/** What a call to PayOS needs. */
export interface PayosTools extends Outside {
  config: PayosConfig;
  signer: Signer;
}

/** An answer of PayOS about payments. */
export interface PayosAnswer {
  /** `00` is success. Most refusals come with HTTP 200 too, so only the code tells. */
  code: string;
  /** Whether the signature proves that `data` comes from PayOS. */
  signed: boolean;
  /** Empty in refusals. */
  data: Record<string, unknown>;
}

/** PayOS's code for an order that it does not know. */
export const unknownOrder = '101';
/** PayOS's code for an order that exists already. */
export const orderExists = '231';

/** The code of a refusal, or of an error that came without one. */
export function codeOf(status: number, body: Record<string, unknown>): string {
  if (status >= 500) return String(status);
  return typeof body.code === 'string' && body.code !== '' ? body.code : `http_${status}`;
}

/** Whether PayOS says that it has trouble itself, instead of answering the call. */
export function isBusy(code: string): boolean {
  return /^5\d\d$/.test(code);
}

/** Calls PayOS's API. Throws `provider_unavailable` when no readable answer comes in time. */
export async function callPayos(
  method: 'GET' | 'POST',
  path: string,
  body: Record<string, unknown> | undefined,
  { config, signer, fetch }: PayosTools,
): Promise<PayosAnswer> {
  const headers = { 'x-client-id': config.clientId, 'x-api-key': config.apiKey };
  const answer = await callApi('payos', `${config.apiUrl}${path}`, { method, headers, body }, fetch);
  const data = isFields(answer.body.data) ? answer.body.data : {};
  const signature = typeof answer.body.signature === 'string' ? answer.body.signature : '';
  return {
    code: codeOf(answer.status, answer.body),
    signed: await signer.verify(dataText(data), signature),
    data,
  };
}
