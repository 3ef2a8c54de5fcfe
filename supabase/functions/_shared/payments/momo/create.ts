import { appError } from '../../errors.ts';
import { plainText } from '../plain-text.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { callMomo, type MomoAnswer, type MomoTools } from './api.ts';

const minAmount = 1_000;
const maxAmount = 50_000_000;
// MoMo asks its clients to wait at least this long
const timeoutMs = 30_000;

// 40, 41: the order exists and MoMo does not repeat its answer; 7000: the first call is still running
const madeBefore = new Set([40, 41, 7000]);
// access denied, API version, merchant authentication: our settings do not match MoMo's
const notSetUp = new Set([11, 12, 13]);

function webAddress(value: unknown): string | null {
  return typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value) ? value : null;
}

function nonEmpty(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function refusal(answer: MomoAnswer): Error {
  const details = { provider: 'momo' };
  const cause = new Error(`MoMo answered ${answer.code}: ${nonEmpty(answer.body.message) ?? ''}`);
  if (madeBefore.has(answer.code)) return appError('payment_start_again', details, cause);
  if (notSetUp.has(answer.code)) return appError('provider_not_configured', details, cause);
  return appError('provider_unavailable', details, cause);
}

/**
 * Creates an order at MoMo and answers with its pages. The reference is both order id and request id. So MoMo
 * answers a repeat with the same order, or refuses it, and never creates a second one.
 */
export async function create(input: CheckoutInput, tools: MomoTools): Promise<Checkout> {
  const { reference, amount } = input;
  if (input.currency !== 'VND' || !Number.isSafeInteger(amount) || amount < minAmount || amount > maxAmount) {
    throw appError('payment_amount_unsupported', {
      provider: 'momo',
      min_amount: minAmount,
      max_amount: maxAmount,
      currency: 'VND',
    });
  }
  const ours = { partnerCode: tools.config.partnerCode, orderId: reference, requestId: reference, amount };
  const answer = await callMomo(
    'create',
    {
      ...ours,
      // plain text: MoMo signs raw values, so a value with & or = in it would be ambiguous
      orderInfo: plainText(input.description, 255),
      redirectUrl: input.returnUrl,
      ipnUrl: input.webhookUrl,
      // only this type answers with the content of the QR code and the deep link of the app
      requestType: 'captureWallet',
      extraData: '',
      autoCapture: true,
      lang: input.locale,
    },
    timeoutMs,
    tools,
  );
  if (answer.code !== 0) throw refusal(answer);
  const payUrl = webAddress(answer.body.payUrl);
  if (payUrl === null || !answer.confirms(ours)) {
    throw appError(
      'provider_unavailable',
      { provider: 'momo' },
      new Error('MoMo answered about another order'),
    );
  }
  const deeplink = nonEmpty(answer.body.deeplink);
  return {
    redirectUrl: payUrl,
    // MoMo gives no content to merchants that may not show a QR code of their own
    qrPayload: nonEmpty(answer.body.qrCodeUrl) ?? payUrl,
    details: deeplink === null ? {} : { deeplink },
    providerData: {},
  };
}
