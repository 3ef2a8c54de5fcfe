import { appError } from '../../errors.ts';
import type { Checkout, CheckoutInput, TransferDetails } from '../provider.ts';
import { callPayos, orderExists, type PayosAnswer, type PayosTools } from './api.ts';
import { isText, isWhole } from './fields.ts';
import { orderCodeOf } from './order-code.ts';
import { linkText } from './sign.ts';

const minAmount = 2_000;
const maxAmount = 9_999_999_999;

function unusable(what: string): Error {
  return appError('provider_unavailable', { provider: 'payos' }, new Error(`PayOS ${what}`));
}

function webAddress(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\/\S+$/.test(value) ? value : null;
}

function transferOf(data: Record<string, unknown>, amount: number): TransferDetails | null {
  const { bin, accountNumber, accountName, description } = data;
  if (!isText(bin) || !/^\d{6}$/.test(bin)) return null;
  if (!isText(accountNumber) || !isText(accountName) || !isText(description)) return null;
  return {
    bank_bin: bin,
    account_number: accountNumber,
    account_name: accountName,
    amount,
    // as PayOS returned it: the bank may have put its own prefix before our text
    message: description,
  };
}

function checkoutOf(answer: PayosAnswer, input: CheckoutInput, orderCode: number): Checkout {
  const { data } = answer;
  if (data.orderCode !== orderCode || data.amount !== input.amount)
    throw unusable('answered about another order');
  const redirectUrl = webAddress(data.checkoutUrl);
  const transfer = transferOf(data, input.amount);
  if (redirectUrl === null || transfer === null || !isText(data.qrCode) || !isText(data.paymentLinkId)) {
    throw unusable('left out a part of the link');
  }
  return {
    redirectUrl,
    qrPayload: data.qrCode,
    details: { transfer },
    providerData: { order_code: orderCode, payment_link_id: data.paymentLinkId },
  };
}

const over = ['CANCELLED', 'EXPIRED', 'FAILED'];

// The first answer was lost. When asked about an order, PayOS answers the id of the link, which is the end of
// its address, but neither account nor QR code. The payer finds those on the page.
async function repeated(input: CheckoutInput, orderCode: number, tools: PayosTools): Promise<Checkout> {
  const { code, signed, data } = await callPayos(
    'GET',
    `/v2/payment-requests/${orderCode}`,
    undefined,
    tools,
  );
  if (code !== '00' || !signed || data.orderCode !== orderCode) throw unusable(`would not repeat (${code})`);
  const { linksUrl } = tools.config;
  const known = isText(data.id) && /^[A-Za-z0-9_-]{6,64}$/.test(data.id) && data.amount === input.amount;
  if (linksUrl === null || !known || over.includes(String(data.status))) {
    throw appError('payment_start_again', { provider: 'payos' });
  }
  const redirectUrl = `${linksUrl}/${data.id}`;
  return {
    redirectUrl,
    qrPayload: redirectUrl,
    details: {},
    providerData: { order_code: orderCode, payment_link_id: data.id },
  };
}

/** Creates a payment link, or finds the one that an earlier call created. */
export async function create(input: CheckoutInput, tools: PayosTools): Promise<Checkout> {
  if (input.currency !== 'VND' || !isWhole(input.amount, minAmount) || input.amount > maxAmount) {
    throw appError('payment_amount_unsupported', {
      provider: 'payos',
      min_amount: minAmount,
      max_amount: maxAmount,
      currency: 'VND',
    });
  }
  const orderCode = orderCodeOf(input.reference);
  const link = {
    orderCode,
    amount: input.amount,
    // PayOS allows only nine characters for a bank account that is not linked to it
    description: `J${input.reference.slice(-8)}`,
    cancelUrl: input.returnUrl,
    returnUrl: input.returnUrl,
    expiredAt: Math.floor(input.expiresAt / 1000),
  };
  const signature = await tools.signer.sign(linkText(link));
  const answer = await callPayos('POST', '/v2/payment-requests', { ...link, signature }, tools);
  if (answer.code === orderExists) return repeated(input, orderCode, tools);
  if (answer.code !== '00') throw unusable(`refused a link (${answer.code})`);
  if (!answer.signed) throw unusable('answered unsigned');
  return checkoutOf(answer, input, orderCode);
}
