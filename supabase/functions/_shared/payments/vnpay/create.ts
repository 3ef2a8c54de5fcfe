import { appError } from '../../errors.ts';
import type { Signer } from '../hmac.ts';
import { plainText } from '../plain-text.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import { vietnamTime } from '../vietnam-time.ts';
import type { VnpayConfig } from './config.ts';
import { canonicalQuery } from './sign.ts';

// the limits of VNPay's own page: "from 5,000 to less than 1 billion đồng"
const minAmount = 5_000;
const maxAmount = 999_999_999;

/** The signed link to VNPay's page. Makes no call. */
export async function create(input: CheckoutInput, config: VnpayConfig, signer: Signer): Promise<Checkout> {
  const { amount, currency } = input;
  if (currency !== 'VND' || !Number.isInteger(amount) || amount < minAmount || amount > maxAmount) {
    throw appError('payment_amount_unsupported', {
      provider: 'vnpay',
      min_amount: minAmount,
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
      vnp_Amount: String(amount * 100),
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
    // queries and refunds need the date of this very link
    providerData: { create_date: createDate },
  };
}
