import { appError } from '../../errors.ts';
import type { Checkout, CheckoutInput } from '../provider.ts';
import type { VietqrConfig } from './config.ts';
import { buildTransferQr } from './emv.ts';
import { dayOf } from './reference.ts';

const minAmount = 1_000;
const maxAmount = 9_999_999_999;

/**
 * The QR code of the transfer, and the transfer in words. Makes no call. The same attempt gives the same
 * answer.
 */
export async function create(input: CheckoutInput, config: VietqrConfig): Promise<Checkout> {
  const { amount, currency, reference } = input;
  if (currency !== 'VND' || !Number.isSafeInteger(amount) || amount < minAmount || amount > maxAmount) {
    throw appError('payment_amount_unsupported', {
      provider: 'vietqr',
      min_amount: minAmount,
      max_amount: maxAmount,
      currency: 'VND',
    });
  }
  // throws for a message that we could not recognise later: the payer must not see it
  dayOf(reference);
  const { bankBin, accountNumber, accountName } = config;
  return {
    redirectUrl: null,
    qrPayload: buildTransferQr({
      bankBin,
      number: accountNumber,
      toCard: false,
      amount,
      billNumber: null,
      purpose: reference,
    }),
    details: {
      transfer: {
        bank_bin: bankBin,
        account_number: accountNumber,
        account_name: accountName,
        amount,
        message: reference,
      },
    },
    providerData: {},
  };
}
