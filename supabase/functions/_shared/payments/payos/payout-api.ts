import { callApi, type Outside } from '../call.ts';
import type { Signer } from '../hmac.ts';
import { codeOf } from './api.ts';
import { isFields } from './fields.ts';
import { payoutText } from './sign.ts';

export interface PayosTransfersConfig {
  name: 'payos';
  clientId: string;
  apiKey: string;
  checksumKey: string;
  /** Without a slash at its end. */
  apiUrl: string;
}

/** What a call about payouts needs. */
export interface PayoutTools extends Outside {
  config: PayosTransfersConfig;
  signer: Signer;
}

/** An answer of PayOS about payouts. */
export interface PayoutAnswer {
  /** `00` is success. */
  code: string;
  /** Whether the signature proves that `data` comes from PayOS. */
  signed: boolean;
  data: Record<string, unknown>;
}

/** Calls PayOS's payout API. The signature of an answer is in its header. Throws `provider_unavailable`. */
export async function callPayouts(
  path: string,
  order: { message: Record<string, unknown>; idempotencyKey: string } | null,
  { config, signer, fetch }: PayoutTools,
): Promise<PayoutAnswer> {
  const keys = { 'x-client-id': config.clientId, 'x-api-key': config.apiKey };
  const signed = order && {
    'x-idempotency-key': order.idempotencyKey,
    'x-signature': await signer.sign(payoutText(order.message)),
  };
  let signature = '';
  const listening: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    signature = response.headers.get('x-signature') ?? '';
    return response;
  };
  const { status, body } = await callApi(
    'payos',
    `${config.apiUrl}/v1/payouts${path}`,
    { method: order ? 'POST' : 'GET', headers: { ...keys, ...signed }, body: order?.message },
    listening,
  );
  const data = isFields(body.data) ? body.data : {};
  return { code: codeOf(status, body), signed: await signer.verify(payoutText(data), signature), data };
}
