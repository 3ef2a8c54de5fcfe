import { asJson, type SandboxAnswer } from '../answers.ts';
import { dataText, hmac, payoutText } from './sign.ts';

/** A refusal. PayOS sends most of them with HTTP 200. */
export function refusal(code: string, desc: string, status = 200): SandboxAnswer {
  return asJson({ code, desc, data: null, signature: null }, status);
}

/** A success about payments, signed in its body. */
export function signedReply(data: object, key: string): SandboxAnswer {
  return asJson({ code: '00', desc: 'success', data, signature: hmac(key, dataText(data)) });
}

/** A success about payouts, signed in its header. */
export function payoutReply(data: object, key: string): SandboxAnswer {
  const answer = asJson({ code: '00', desc: 'success', data });
  return { ...answer, headers: { ...answer.headers, 'x-signature': hmac(key, payoutText(data)) } };
}
