import { callApi, type Outside } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { MomoConfig } from './config.ts';
import { wholeNumber } from './report.ts';
import { type SignedMessage, signedText } from './sign.ts';

/** What calls to MoMo need besides their message. */
export interface MomoTools extends Outside {
  config: MomoConfig;
  signer: Signer;
}

type Facts = Readonly<Record<string, string | number>>;

/** An answer of MoMo's API. It is not signed: that it is MoMo's is known from TLS alone. */
export interface MomoAnswer {
  /** MoMo's result code; -1 when the answer has none. */
  code: number;
  body: Readonly<Record<string, unknown>>;
  /** Whether no field that is there says something else; refusals leave fields out. */
  agrees(expected: Facts): boolean;
  /** Whether every field is there and says so. */
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
