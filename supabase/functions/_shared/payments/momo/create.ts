import { appError } from '../../errors.ts';
import { plainText } from '../plain-text.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { callMomo, type MomoAnswer, type MomoTools } from './api.ts';

const minAmount = 1_000;
const maxAmount = 50_000_000;
// MoMo asks its clients to wait that long at least
const timeoutMs = 30_000;

// 40, 41: made before, and the answer is not given again; 7000: the first call is still at work
const madeBefore = new Set([40, 41, 7000]);
// access denied, API version, merchant authentication: our settings are not what MoMo knows
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
 * Makes an order at MoMo and answers with its pages. The reference is both order and request id, so that a
 * repeat is answered with the same order, or refused, and never makes a second one.
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
      // plain text: raw values are signed, and one with & or = in it could be cut differently
      orderInfo: plainText(input.description, 255),
      redirectUrl: input.returnUrl,
      ipnUrl: input.notifyUrl,
      // the one type whose answer carries the QR code's content and the app's deep link
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
    // merchants that may not show a code of their own are not given its content
    qrPayload: nonEmpty(answer.body.qrCodeUrl) ?? payUrl,
    details: deeplink === null ? {} : { deeplink },
    providerData: {},
  };
}
