import { hmac, valuesText } from '../../local/sandbox/vnpay/sign.ts';
import { handle } from '../../supabase/functions/outbox/handler.ts';
import { type FakeDatabase, type FakeOptions, fakeOutside, secretKey, terminal } from './fakes.ts';

export const lease_token = '6f1c2d3e-0000-4000-8000-0000000000ff';
export const refund_id = '6f1c2d3e-0000-4000-8000-000000000011';
export const attempt_id = '6f1c2d3e-0000-4000-8000-000000000012';
let lastId = 0;

/** A leased row of the outbox. */
export function row(topic: string, payload: unknown, changes: Record<string, unknown> = {}) {
  lastId += 1;
  return {
    id: lastId,
    topic,
    payload,
    attempts: 1,
    lease_token,
    dedupe_key: `key-${lastId}`,
    correlation_id: 'cause-1',
    ...changes,
  };
}
export type Row = ReturnType<typeof row>;

export const attempt = {
  id: attempt_id,
  payment_id: '6f1c2d3e-0000-4000-8000-000000000013',
  provider: 'vnpay',
  reference: 'J1',
  amount: 1_000_000,
  currency: 'VND',
  status: 'succeeded',
  redirect_url: 'http://x',
  qr_payload: 'http://x',
  provider_data: { create_date: '20261120120000' },
  provider_transaction_id: '14000001',
  expires_at: '2026-11-20T04:00:00+00:00',
  created_at: '2026-11-20T03:45:00+00:00',
};
export const refund = {
  id: refund_id,
  amount: 400_000,
  currency: 'VND',
  status: 'pending',
  method: 'provider',
  provider: 'vnpay',
  provider_refund_id: null,
  created_at: '2026-11-20T04:00:00+00:00',
  ordered_at: '2026-11-20T04:50:00+00:00',
};

const answerFields =
  'ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType TransactionStatus OrderInfo'
    .split(' ')
    .map((name) => `vnp_${name}`);

type Answer = Record<string, string>;

/** VNPay's merchant API, answering by command, signed by the sandbox's own code. */
export function vnpayAnswers(answers: { querydr?: Answer; refund?: Answer }) {
  const asked: { command: string; requestId: string }[] = [];
  const vnpayFetch: typeof fetch = async (_url, init) => {
    const { vnp_Command, vnp_RequestId } = JSON.parse(String(init?.body)) as Answer;
    const command = vnp_Command as 'querydr' | 'refund';
    asked.push({ command, requestId: vnp_RequestId ?? '' });
    const found = answers[command];
    if (!found) throw new Error('connection reset');
    const message: Answer = {
      vnp_Command: command,
      vnp_ResponseCode: '00',
      vnp_TmnCode: terminal.tmnCode,
      vnp_TxnRef: 'J1',
      ...found,
    };
    const fields =
      command === 'refund' ? answerFields : [...answerFields, 'vnp_PromotionCode', 'vnp_PromotionAmount'];
    return Response.json({
      ...message,
      vnp_SecureHash: hmac(terminal.hashSecret, valuesText(fields, message)),
    });
  };
  return { asked, vnpayFetch };
}

/** As `delivery_to_send` answers for a mail. */
export const mail = {
  action: 'send',
  delivery_id: '6f1c2d3e-0000-4000-8000-000000000009',
  target: { email: 'renter@example.com' },
  message: {
    locale: 'en',
    unsubscribe_token: 'person.booking.signature',
    subject: 'Hello',
    text: 'text',
    html: '<p>text</p>',
  },
};

export interface Setting {
  rows: Row[];
  database?: FakeDatabase;
  options?: FakeOptions;
}

/** Lets the function work on rows and tells what it did. */
export async function work({ rows, database = {}, options }: Setting) {
  const batches = [rows];
  const outside = fakeOutside(
    {
      lease_outbox: () => batches.shift() ?? [],
      complete_outbox: () => null,
      fail_outbox: () => null,
      defer_outbox: () => null,
      delivery_to_send: () => mail,
      delivery_sent: () => null,
      ...database,
    },
    options,
  );
  const request = new Request('http://x/outbox', { method: 'POST', headers: { apikey: secretKey } });
  const answer = await handle(outside.deps)(request);
  const named = (name: string) => outside.calls.filter((call) => call.name === name).map((call) => call.args);
  return { outside, named, status: answer.status, report: await answer.json() };
}
