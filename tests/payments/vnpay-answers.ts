import * as sandbox from '../../local/sandbox/vnpay/sign.ts';
import type { PaymentProvider, RefundInput } from '../../supabase/functions/_shared/payments/provider.ts';
import { createVnpay } from '../../supabase/functions/_shared/payments/vnpay/index.ts';
import { terminal } from './sandbox.ts';

// Answers signed as VNPay signs them (querydr & refund, pay.html), to test what its codes mean.

const answerFields =
  'ResponseId Command ResponseCode Message TmnCode TxnRef Amount BankCode PayDate TransactionNo TransactionType TransactionStatus OrderInfo';
const promotion = ' PromotionCode PromotionAmount';

/** VNPay's wrapper, against a VNPay that answers every call with these fields. */
export function answering(fields: Record<string, string>): PaymentProvider {
  const fetcher: typeof fetch = async (_url, init) => {
    const { vnp_Command: command } = JSON.parse(String(init?.body)) as Record<string, string>;
    const said: Record<string, string> = { ...fields, Command: command ?? '', TmnCode: terminal.tmnCode };
    const signed = answerFields + (command === 'querydr' ? promotion : '');
    const text = signed
      .split(' ')
      .map((name) => said[name] ?? '')
      .join('|');
    const message = Object.entries({ ...said, SecureHash: sandbox.hmac(terminal.hashSecret, text) });
    return Response.json(Object.fromEntries(message.map(([name, value]) => [`vnp_${name}`, value])));
  };
  const config = { ...terminal, payUrl: 'http://127.0.0.1:9/', apiUrl: 'http://127.0.0.1:9/' };
  return createVnpay(config, { fetch: fetcher, now: Date.now });
}

export const paid = {
  ResponseCode: '00',
  TxnRef: 'J26112100000042',
  Amount: '150000000',
  TransactionNo: '14422574',
};
export const input: RefundInput = {
  reference: paid.TxnRef,
  amount: 1_500_000,
  currency: 'VND',
  providerData: { create_date: '20261121100000' },
  requestKey: 'order-1',
  refundAmount: 1_500_000,
  transactionId: paid.TransactionNo,
  refundId: null,
  orderedAt: Date.now(),
};
