// eSMS.vn, "Send OTP/Customer care message" of https://developers.esms.vn. A number in Vietnam gets codes only from a
// registered brand name with a registered text, which this provider handles.
import { z } from 'zod';
import type { Env } from '../env.ts';
import { reportUrl } from './reports.ts';
import type { SmsResult, SmsSender } from './sender.ts';

const path = '/MainService.svc/json/SendMultipleMessage_V4_post_json/';

const answer = z.looseObject({
  CodeResult: z.coerce.string(),
  SMSID: z.string().optional(),
  ErrorMessage: z.string().nullish(),
});

// The number is blocked or is none. Everything else is for an operator: keys, balance, brand name, text.
const permanentCodes = new Set(['99', '108']);

/** Its examples write Vietnamese numbers as people do, with a 0. */
function localNumber(to: string): string {
  return to.startsWith('+84') ? `0${to.slice(3)}` : to.slice(1);
}

/** Null without any setting: then codes go by mail only. */
export function createEsms(
  env: Pick<
    Env,
    'ESMS_API_KEY' | 'ESMS_SECRET_KEY' | 'ESMS_BRANDNAME' | 'ESMS_API_URL' | 'ESMS_CALLBACK_SECRET'
  >,
  functionsUrl?: () => string,
): SmsSender | null {
  const { ESMS_API_KEY, ESMS_SECRET_KEY, ESMS_BRANDNAME, ESMS_API_URL } = env;
  const needed = { ESMS_API_KEY, ESMS_SECRET_KEY, ESMS_BRANDNAME };
  const missing = Object.entries(needed).flatMap(([name, value]) => (value ? [] : [name]));
  if (missing.length === 3) return null;
  if (missing.length > 0) {
    const problem = `SMS needs ${missing.join(' and ')} too.`;
    return { problem, send: async () => ({ sent: false, permanent: false, reason: problem }) };
  }
  const url = new URL(path, ESMS_API_URL);
  return {
    async send({ to, text, idempotencyKey, unicode, reportOn }): Promise<SmsResult> {
      const { ESMS_CALLBACK_SECRET: secret } = env;
      const reported = secret !== undefined && functionsUrl !== undefined && reportOn !== undefined;
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          ApiKey: ESMS_API_KEY,
          SecretKey: ESMS_SECRET_KEY,
          Brandname: ESMS_BRANDNAME,
          Phone: localNumber(to),
          Content: text,
          SmsType: '2',
          IsUnicode: unicode ? '1' : '0',
          Sandbox: '0',
          RequestId: idempotencyKey,
          ...(reported ? { CallbackUrl: await reportUrl(functionsUrl(), secret, reportOn) } : {}),
        }),
        signal: AbortSignal.timeout(8_000),
      });
      const parsed = answer.safeParse(await response.json().catch(() => null));
      if (!parsed.success) {
        return { sent: false, permanent: false, reason: `eSMS answered ${response.status} in no known form` };
      }
      const { CodeResult: code, SMSID: id = null, ErrorMessage: message } = parsed.data;
      // 124: this RequestId was accepted before
      if (code === '100' || code === '124') return { sent: true, id };
      return { sent: false, permanent: permanentCodes.has(code), reason: `eSMS ${code}: ${message ?? ''}` };
    },
  };
}
