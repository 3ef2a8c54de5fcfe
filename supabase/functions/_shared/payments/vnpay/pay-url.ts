import { appError } from '../../errors.ts';
import type { Signer } from '../hmac.ts';
import { plainText } from '../plain-text.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { vietnamTime } from '../vietnam-time.ts';
import type { VnpayConfig } from './config.ts';
import { canonicalQuery } from './sign.ts';

// vnp_Amount has at most 12 digits, and carries two more than ours
const maxAmount = 9_999_999_999;

/** The signed link that takes the payer to VNPay. No call is made. */
export async function createPayUrl(
  input: CheckoutInput,
  config: VnpayConfig,
  signer: Signer,
): Promise<Checkout> {
  if (input.currency !== 'VND' || input.amount < 1 || input.amount > maxAmount) {
    throw appError('payment_amount_unsupported', {
      provider: 'vnpay',
      max_amount: maxAmount,
      currency: 'VND',
    });
  }
  const createDate = vietnamTime(input.createdAt);
  const query = canonicalQuery(
    Object.entries({
      vnp_Version: '2.1.0',
      vnp_Command: 'pay',
      vnp_TmnCode: config.tmnCode,
      vnp_Amount: String(input.amount * 100),
      vnp_CreateDate: createDate,
      vnp_ExpireDate: vietnamTime(input.expiresAt),
      vnp_CurrCode: 'VND',
      vnp_IpAddr: input.clientIp,
      vnp_Locale: input.locale === 'vi' ? 'vn' : 'en',
      vnp_OrderInfo: plainText(input.description, 255),
      vnp_OrderType: 'other',
      vnp_ReturnUrl: input.returnUrl,
      vnp_TxnRef: input.reference,
    }),
  );
  const redirectUrl = `${config.payUrl}?${query}&vnp_SecureHash=${await signer.sign(query)}`;
  return {
    redirectUrl,
    qrPayload: redirectUrl,
    details: {},
    // asking about the payment and refunding it need the date of this very link
    providerData: { create_date: createDate },
  };
}
