import { appError } from '../../errors.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { callZalopay, type ZalopayTools } from './api.ts';
import { appTransId, vietnamDay } from './order-id.ts';

const minAmount = 1_000;
const maxAmount = 999_999_999;
const maxAge = 15 * 60_000;

function checkAmount({ amount, currency }: CheckoutInput): void {
  const carried = Number.isInteger(amount) && amount >= minAmount && amount <= maxAmount;
  if (carried && currency === 'VND') return;
  throw appError('payment_amount_unsupported', {
    provider: 'zalopay',
    min_amount: minAmount,
    max_amount: maxAmount,
    currency: 'VND',
  });
}

// Characters as a reader counts them, so that none is cut in two.
const shorten = (text: string, length: number): string => [...text].slice(0, length).join('');

/**
 * Makes an order at ZaloPay, which takes every id once: a repeat throws `payment_start_again`, and so does one
 * that comes on another day or more than 15 minutes later, which ZaloPay refuses as well.
 */
export async function create(input: CheckoutInput, tools: ZalopayTools): Promise<Checkout> {
  checkAmount(input);
  const id = appTransId(input.reference);
  // ZaloPay's shortest life is five minutes. Where our hold is nearer its end than that, the order outlives
  // it, and money that comes then is late: it takes the slot again or goes back.
  const holdSeconds = Math.floor((input.expiresAt - input.createdAt) / 1000);
  const seconds = Math.min(Math.max(holdSeconds, 300), 2_592_000);
  const answer = await callZalopay(
    'create',
    {
      app_trans_id: id,
      // ZaloPay need not know who pays
      app_user: 'journey',
      app_time: input.createdAt,
      expire_duration_seconds: seconds,
      amount: input.amount,
      item: '[]',
      embed_data: JSON.stringify({ redirecturl: input.returnUrl }),
      description: shorten(input.description, 256),
      bank_code: '',
      callback_url: input.webhookUrl,
    },
    tools,
  );
  const orderUrl = answer.field('order_url');
  if (answer.returnCode === '1' && /^https?:\/\//.test(orderUrl)) {
    return {
      redirectUrl: orderUrl,
      qrPayload: answer.field('qr_code') || orderUrl,
      details: {},
      providerData: {
        app_trans_id: id,
        app_time: input.createdAt,
        ...(seconds > holdSeconds ? { open_until: input.createdAt + seconds * 1000 } : {}),
      },
    };
  }
  const now = tools.now();
  const tooOld = Math.abs(now - input.createdAt) > maxAge || vietnamDay(now) !== input.reference.slice(1, 7);
  if (answer.code === '-68' || tooOld) throw appError('payment_start_again', { provider: 'zalopay' });
  const said = `${answer.code} ${answer.field('return_message')} ${answer.field('sub_return_message')}`;
  throw appError(
    'provider_unavailable',
    { provider: 'zalopay' },
    new Error(`ZaloPay refused an order: ${said}`),
  );
}
