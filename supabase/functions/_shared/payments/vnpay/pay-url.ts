import { appError } from '../../errors.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import type { VnpayConfig } from './config.ts';
import { canonicalQuery, type Signer } from './sign.ts';
import { toVnpayTime } from './time.ts';

// vnp_Amount has at most 12 digits, and carries two more than ours
const maxAmount = 9_999_999_999;

/** VNPay wants order texts without diacritics and special characters; đ has no decomposition. */
export function plainText(text: string): string {
  const ascii = text
    .replace(/đ/g, 'd')
    .replace(/Đ/g, 'D')
    .normalize('NFD')
    .replace(/[^A-Za-z0-9 .:-]/g, '');
  return ascii.slice(0, 255);
}

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
  const createDate = toVnpayTime(input.createdAt);
  const query = canonicalQuery(
    Object.entries({
      vnp_Version: '2.1.0',
      vnp_Command: 'pay',
      vnp_TmnCode: config.tmnCode,
      vnp_Amount: String(input.amount * 100),
      vnp_CreateDate: createDate,
      vnp_ExpireDate: toVnpayTime(input.expiresAt),
      vnp_CurrCode: 'VND',
      vnp_IpAddr: input.clientIp,
      vnp_Locale: input.locale === 'vi' ? 'vn' : 'en',
      vnp_OrderInfo: plainText(input.description),
      vnp_OrderType: 'other',
      vnp_ReturnUrl: input.returnUrl,
      vnp_TxnRef: input.reference,
    }),
  );
  const redirectUrl = `${config.payUrl}?${query}&vnp_SecureHash=${await signer.sign(query)}`;
  return {
    redirectUrl,
    qrPayload: redirectUrl,
    // asking about the payment and refunding it need the date of this very link
    providerData: { create_date: createDate },
  };
}
