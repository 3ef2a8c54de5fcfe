import { callApi, type Outside } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { MomoConfig } from './config.ts';
import { wholeNumber } from './report.ts';
import { type SignedMessage, signedText } from './sign.ts';

/** What a call to MoMo needs besides its message. */
export interface MomoTools extends Outside {
  config: MomoConfig;
  signer: Signer;
}

type Facts = Readonly<Record<string, string | number>>;

/** An answer of MoMo's API. It has no signature: only TLS proves that it comes from MoMo. */
export interface MomoAnswer {
  /** MoMo's result code; -1 when the answer has none. */
  code: number;
  body: Readonly<Record<string, unknown>>;
  /** Whether no field contradicts what we expect. Refusals leave fields out. */
  agrees(expected: Facts): boolean;
  /** Whether every expected field is there and has the expected value. */
  confirms(expected: Facts): boolean;
}

/** Signs a message and calls MoMo. Throws `provider_unavailable` when no readable answer comes in time. */
export async function callMomo(
  call: Exclude<SignedMessage, 'result'>,
  message: Readonly<Record<string, unknown>>,
  timeoutMs: number,
  { config, signer, fetch }: MomoTools,
): Promise<MomoAnswer> {
  const signature = await signer.sign(signedText(call, message, config.accessKey));
  const url = `${config.apiUrl}/v2/gateway/api/${call}`;
  const init = { method: 'POST', body: { ...message, signature }, timeoutMs } as const;
  const { body } = await callApi('momo', url, init, fetch);
  const says = (name: string, value: string | number): boolean => {
    const said = body[name];
    return (typeof said === 'string' || typeof said === 'number') && String(said) === String(value);
  };
  const absent = (name: string): boolean => body[name] === undefined || body[name] === null;
  return {
    code: wholeNumber(body.resultCode) ?? -1,
    body,
    agrees: (expected) =>
      Object.entries(expected).every(([name, value]) => absent(name) || says(name, value)),
    confirms: (expected) =>
      Object.entries(expected).every(([name, value]) => !absent(name) && says(name, value)),
  };
}
