// The sending half of eSMS.vn, so that functions send codes by SMS with the code that they use in production.
import { z } from 'zod';
import { json } from '../gateway/http.ts';
import type { MailStore } from './store.ts';

export const esmsPath = '/MainService.svc/json/SendMultipleMessage_V4_post_json/';

const message = z.object({
  ApiKey: z.string().min(1),
  SecretKey: z.string().min(1),
  Brandname: z.string().min(1),
  Phone: z.string(),
  Content: z.string().min(1),
  SmsType: z.literal('2'),
  RequestId: z.string().min(1).max(50).optional(),
});

const refuse = (code: string, text: string): Response => json(200, { CodeResult: code, ErrorMessage: text });

/** Takes a message, and shows it among the mails. */
export async function takeSms(store: MailStore, request: Request): Promise<Response> {
  const parsed = message.safeParse(await request.json().catch(() => undefined));
  if (!parsed.success) return refuse('110', z.prettifyError(parsed.error));
  const { Brandname, Phone, Content, RequestId } = parsed.data;
  if (!/^(0|[1-9])[0-9]{6,14}$/.test(Phone)) return refuse('108', 'Phone number is not in correct format.');
  const accepted = store.accept(
    [
      {
        from: Brandname,
        to: [Phone.startsWith('0') ? `+84${Phone.slice(1)}` : `+${Phone}`],
        cc: [],
        bcc: [],
        reply_to: [],
        subject: 'SMS',
        text: Content,
        html: null,
        headers: {},
        tags: [],
      },
    ],
    RequestId === undefined ? null : `esms:${RequestId}`,
  );
  if ('conflict' in accepted) return refuse('124', 'Duplicate RequestId.');
  return json(200, { CodeResult: '100', CountRegenerate: 0, SMSID: accepted.ids[0] });
}
