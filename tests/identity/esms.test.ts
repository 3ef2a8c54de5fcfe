import { createServer } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEsms } from '../../supabase/functions/_shared/sms/esms.ts';
import { setting } from '../support/setting.ts';

const keys = { ESMS_API_KEY: 'key', ESMS_SECRET_KEY: 'secret', ESMS_BRANDNAME: 'Journey' };
const sms = { to: '+84912345678', text: 'Journey: 012345 la ma.', idempotencyKey: 'otp:1' };

// eSMS as its documentation describes its answers
let answer: { status: number; body: string };
const asked: { url: string; body: Record<string, unknown> }[] = [];
const server = createServer((request, response) => {
  let text = '';
  request.on('data', (part: Buffer) => {
    text += part;
  });
  request.on('end', () => {
    asked.push({ url: request.url ?? '', body: JSON.parse(text) });
    response.statusCode = answer.status;
    response.end(answer.body);
  });
});
let url: string;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
});

afterAll(() => new Promise((resolve) => server.close(resolve)));

function says(body: unknown, status = 200) {
  answer = { status, body: typeof body === 'string' ? body : JSON.stringify(body) };
  return createEsms({ ...keys, ESMS_API_URL: url })?.send(sms);
}

describe('eSMS', () => {
  it('is asked for a customer care message, with the number as it is dialled in Vietnam', async () => {
    const sent = await says({ CodeResult: '100', CountRegenerate: 0, SMSID: 'abc' });
    expect(sent).toEqual({ sent: true, id: 'abc' });
    expect(asked.at(-1)).toEqual({
      url: '/MainService.svc/json/SendMultipleMessage_V4_post_json/',
      body: {
        ApiKey: 'key',
        SecretKey: 'secret',
        Brandname: 'Journey',
        Phone: '0912345678',
        Content: sms.text,
        SmsType: '2',
        IsUnicode: '0',
        Sandbox: '0',
        RequestId: 'otp:1',
      },
    });
  });

  it('has sent what it says it was asked for before', async () => {
    expect(await says({ CodeResult: '124', ErrorMessage: 'Duplicate RequestId.' })).toMatchObject({
      sent: true,
    });
  });

  it('refuses for good a number that is blocked or none', async () => {
    for (const CodeResult of ['99', '108', 108]) {
      expect(await says({ CodeResult }), String(CodeResult)).toMatchObject({ sent: false, permanent: true });
    }
  });

  it('is tried again after wrong keys, an empty balance, an unknown brand name, a wrong text or a broken answer', async () => {
    for (const CodeResult of ['101', '103', '104', '140', '146', '177', '999']) {
      expect(await says({ CodeResult }), CodeResult).toMatchObject({ sent: false, permanent: false });
    }
    expect(await says('<html>', 502)).toMatchObject({ sent: false, permanent: false });
  });

  it('is switched off without settings, and names those that are missing', () => {
    expect(createEsms({ ESMS_API_URL: url })).toBeNull();
    const half = createEsms({ ESMS_API_KEY: 'key', ESMS_API_URL: url });
    expect(half?.problem).toBe('SMS needs ESMS_SECRET_KEY and ESMS_BRANDNAME too.');
  });

  it('is answered by the local catcher in the same words', async () => {
    const local = createEsms({ ...keys, ESMS_API_URL: setting('MAIL_URL') });
    const once = { ...sms, idempotencyKey: `otp:${crypto.randomUUID()}` };
    const first = await local?.send(once);
    expect(first).toMatchObject({ sent: true });
    expect(await local?.send(once)).toEqual(first);
    expect(await local?.send({ ...once, text: 'another' })).toMatchObject({ sent: true, id: null });
    expect(await local?.send({ ...sms, to: '+1' })).toMatchObject({ sent: false, permanent: true });
  });
});
