import { describe, expect, it } from 'vitest';
import { signedQuery } from '../../../local/sandbox/vnpay/sign.ts';
import {
  errorOf,
  type FakeOutside,
  fakeOutside,
  fakeProvider,
  terminal,
  user,
  userPost,
} from '../../../tests/support/fakes.ts';
import { appError } from '../_shared/errors.ts';
import type { CheckoutInput } from '../_shared/payments/provider.ts';
import { handle } from './handler.ts';

const body = {
  payment_id: '6f1c2d3e-0000-4000-8000-00000000000a',
  provider: 'vnpay',
  idempotency_key: '6f1c2d3e-0000-4000-8000-00000000000c',
};
const created = {
  id: '6f1c2d3e-0000-4000-8000-00000000000d',
  payment_id: body.payment_id,
  provider: 'vnpay',
  reference: 'J26112000000042',
  amount: 4_350_000,
  currency: 'VND',
  status: 'created',
  redirect_url: null as string | null,
  qr_payload: null as string | null,
  provider_data: {},
  provider_transaction_id: null,
  expires_at: '2026-11-20T05:15:00+00:00',
  created_at: '2026-11-20T05:00:00+00:00',
};

interface Started {
  attempt: Record<string, unknown>;
  redirect_url: string;
  qr: { payload: string; svg: string };
}

function outsideWith(attempt: Record<string, unknown> = created) {
  return fakeOutside({
    start_payment: () => attempt,
    attach_checkout: (args) => ({ ...created, ...args, status: 'pending' }),
  });
}

describe('POST /payments/start', () => {
  it('answers with a link and a QR code of it, made from the attempt alone', async () => {
    const outside = outsideWith();
    const answer = await handle(outside.deps)(
      userPost('/payments/start', body, { 'x-forwarded-for': '203.0.113.7, 10.0.0.1' }),
    );
    expect(answer.status).toBe(200);
    const { attempt, redirect_url, qr } = (await answer.json()) as Started;
    const params = new URL(redirect_url).searchParams;
    expect(Object.fromEntries(params)).toMatchObject({
      vnp_TxnRef: 'J26112000000042',
      vnp_Amount: '435000000',
      vnp_CreateDate: '20261120120000',
      vnp_ExpireDate: '20261120121500',
      vnp_IpAddr: '203.0.113.7',
      vnp_TmnCode: terminal.tmnCode,
      vnp_ReturnUrl: 'http://127.0.0.1:54321/functions/v1/payments/return/vnpay',
    });
    expect(qr.payload).toBe(redirect_url);
    expect(qr.svg).toMatch(/^<svg[^>]*>.*<\/svg>\s*$/s);
    expect(attempt).toMatchObject({ id: created.id, status: 'pending', redirect_url });
    expect(attempt).not.toHaveProperty('provider_data');
    expect(outside.calls.map(({ as, name }) => [as, name])).toEqual([
      [user.id, 'start_payment'],
      ['service', 'attach_checkout'],
    ]);
    expect(outside.calls[1]?.args.provider_data).toEqual({ create_date: '20261120120000' });
  });

  it('answers a repeat with the link that exists', async () => {
    const pending = {
      ...created,
      status: 'pending',
      redirect_url: 'http://pay/1',
      qr_payload: 'http://pay/1',
    };
    const outside = outsideWith(pending);
    const answer = await handle(outside.deps)(userPost('/payments/start', body));
    expect(((await answer.json()) as Started).redirect_url).toBe('http://pay/1');
    expect(outside.calls).toHaveLength(1);
  });

  it('refuses before it leaves a trace when the method is not set up or the return address is foreign', async () => {
    const bare = fakeOutside({}, { noVnpay: true });
    const unset = await handle(bare.deps)(userPost('/payments/start', body));
    expect(unset.status).toBe(503);
    expect((await errorOf(unset)).code).toBe('provider_not_configured');
    for (const return_url of [
      'https://evil.example/app.example.com',
      'https://app.example.com.evil.example/',
      'https://app.example.com@evil.example/',
      'http://app.example.com/',
      'javascript:alert(1)',
      '//evil.example',
    ]) {
      const answer = await handle(outsideWith().deps)(userPost('/payments/start', { ...body, return_url }));
      expect(await errorOf(answer), return_url).toMatchObject({
        code: 'invalid_input',
        details: { field: 'return_url' },
      });
    }
    expect(bare.calls).toEqual([]);
  });

  it.each(['journey://paid/42', 'https://app.example.com/paid?x=1', 'http://localhost:8081/paid'])(
    'lets the payer return to %s',
    async (return_url) => {
      const answer = await handle(outsideWith().deps)(userPost('/payments/start', { ...body, return_url }));
      const { redirect_url } = (await answer.json()) as Started;
      const back = new URL(new URL(redirect_url).searchParams.get('vnp_ReturnUrl') ?? '');
      expect(back.searchParams.get('to')).toBe(return_url);
    },
  );

  it('answers without a link on a rail that has none, with what the app may show instead', async () => {
    const details = {
      transfer: {
        bank_bin: '970436',
        account_number: '0123456789',
        account_name: 'JOURNEY',
        amount: 4_350_000,
        message: created.reference,
      },
    };
    const inputs: CheckoutInput[] = [];
    const vietqr = fakeProvider('vietqr', {
      create: async (input) => {
        inputs.push(input);
        return { redirectUrl: null, qrPayload: '000201', details, providerData: { at: 1 } };
      },
    });
    const outside = fakeOutside(
      {
        start_payment: () => ({ ...created, provider: 'vietqr' }),
        attach_checkout: (args) => ({ ...created, provider: 'vietqr', ...args, status: 'pending' }),
      },
      { providers: [vietqr] },
    );
    const request = userPost(
      '/payments/start',
      { ...body, provider: 'vietqr' },
      { 'accept-language': 'en-GB' },
    );
    const answer = await handle(outside.deps)(request);
    expect(answer.status).toBe(200);
    const started = (await answer.json()) as Record<string, unknown>;
    expect(started).toMatchObject({
      redirect_url: null,
      details,
      qr: { payload: '000201' },
      attempt: { redirect_url: null, details },
    });
    expect(started.attempt).not.toHaveProperty('provider_data');
    expect(inputs[0]).toMatchObject({
      locale: 'en',
      webhookUrl: 'http://127.0.0.1:54321/functions/v1/payment-webhooks/vietqr',
    });
    expect(outside.calls[1]?.args).toMatchObject({
      redirect_url: null,
      qr_payload: '000201',
      details,
      provider_data: { at: 1 },
    });
  });

  it('asks for a new attempt when this one was lost at the provider, and stores no link', async () => {
    const momo = fakeProvider('momo', {
      create: async () => {
        throw appError('payment_start_again', { provider: 'momo' });
      },
    });
    const outside = fakeOutside(
      { start_payment: () => created, attempt_to_reconcile: () => created },
      { providers: [momo] },
    );
    const answer = await handle(outside.deps)(userPost('/payments/start', { ...body, provider: 'momo' }));
    expect(answer.status).toBe(409);
    expect(await errorOf(answer)).toMatchObject({ code: 'payment_start_again', retryable: false });
    expect(new Set(outside.calls.map((call) => call.name))).toEqual(
      new Set(['start_payment', 'attempt_to_reconcile']),
    );
    expect(outside.clock.now - Date.parse(created.created_at)).toBe(5_000);
  });

  it('answers with the link that another request with this key made meanwhile', async () => {
    const zalopay = fakeProvider('zalopay', {
      create: async () => {
        throw appError('payment_start_again', { provider: 'zalopay' });
      },
    });
    const made = { status: 'pending', redirect_url: 'http://pay/1', qr_payload: '000201' };
    const outside: FakeOutside = fakeOutside(
      {
        start_payment: () => created,
        attempt_to_reconcile: () =>
          outside.clock.now - Date.parse(created.created_at) > 1_000 ? { ...created, ...made } : created,
      },
      { providers: [zalopay] },
    );
    const request = userPost('/payments/start', { ...body, provider: 'zalopay' });
    const answer = await handle(outside.deps)(request);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({
      redirect_url: 'http://pay/1',
      qr: { payload: '000201' },
      attempt: { id: created.id, status: 'pending' },
    });
  });

  it('does not offer an attempt that ended before it had a link', async () => {
    const answer = await handle(outsideWith({ ...created, status: 'expired' }).deps)(
      userPost('/payments/start', body),
    );
    expect((await errorOf(answer)).code).toBe('payment_not_payable');
  });
});

describe('GET /payments/return/vnpay', () => {
  const result = {
    vnp_TmnCode: terminal.tmnCode,
    vnp_Amount: '435000000',
    vnp_ResponseCode: '00',
    vnp_TransactionStatus: '00',
    vnp_TransactionNo: '14000002',
    vnp_TxnRef: 'J26112000000042',
  };
  const open = (query: string) => {
    const outside = fakeOutside({});
    const answer = handle(outside.deps)(new Request(`http://x/payments/return/vnpay?${query}`));
    return answer.then((response) => ({ response, outside }));
  };

  it('shows what the provider says without calling the database', async () => {
    const paid = await open(signedQuery(result, terminal.hashSecret));
    expect(paid.response.headers.get('content-type')).toContain('text/plain');
    expect(await paid.response.text()).toContain('The payment was made');
    expect(paid.outside.calls).toEqual([]);
    const cancelled = { ...result, vnp_ResponseCode: '24', vnp_TransactionStatus: '02' };
    expect(await (await open(signedQuery(cancelled, terminal.hashSecret))).response.text()).toContain(
      'was not made',
    );
  });

  it('sends the payer on to an allowed app, and to no other address', async () => {
    const query = signedQuery(result, terminal.hashSecret);
    const { response } = await open(`to=${encodeURIComponent('journey://paid?b=1')}&${query}`);
    expect(response.status).toBe(303);
    expect(response.headers.get('location')).toBe(
      'journey://paid?b=1&payment_status=succeeded&payment_reference=J26112000000042',
    );
    const evil = await open(`to=${encodeURIComponent('https://evil.example/')}&${query}`);
    expect(evil.response.status).toBe(200);
    expect(evil.response.headers.get('location')).toBeNull();
  });

  it('says nothing about a payment when the signature is wrong', async () => {
    const forged = signedQuery(result, 'guess');
    expect(await (await open(forged)).response.text()).toContain('cannot tell');
    const { response } = await open(`to=journey%3A%2F%2Fpaid&${forged}`);
    expect(response.headers.get('location')).toBe('journey://paid?payment_status=unverified');
  });
});
