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
  CallbackUrl: z.url().optional(),
});

const refuse = (code: string, text: string): Response => json(200, { CodeResult: code, ErrorMessage: text });

const tries = 5;

/** Calls back with what became of a message. One to a number that ends in 999 does not arrive. */
async function report(address: string, id: string, phone: string): Promise<void> {
  const failed = phone.endsWith('999');
  const url = new URL(address);
  url.search = new URLSearchParams({
    ...{ SMSID: id, SendFailed: failed ? '1' : '0', SendStatus: '5', SendSuccess: failed ? '0' : '1' },
    ...{ TotalPrice: '0.0000', TotalReceiver: '1', TotalSent: '1', RequestId: '', TypeId: '2', telcoid: '1' },
    phonenumber: phone,
  }).toString();
  for (let i = 0; i < tries; i += 1) {
    const answer = await fetch(url).catch(() => null);
    if (answer?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 1000 * 2 ** i));
  }
}

/** Takes a message, and shows it among the mails. */
export async function takeSms(store: MailStore, request: Request): Promise<Response> {
  const parsed = message.safeParse(await request.json().catch(() => undefined));
  if (!parsed.success) return refuse('110', z.prettifyError(parsed.error));
  const { Brandname, Phone, Content, RequestId, CallbackUrl } = parsed.data;
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
  const id = accepted.ids[0] ?? '';
  if (CallbackUrl !== undefined) void report(CallbackUrl, id, Phone);
  return json(200, { CodeResult: '100', CountRegenerate: 0, SMSID: id });
}
