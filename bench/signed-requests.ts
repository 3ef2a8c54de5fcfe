import { type SandboxMerchants, sandboxMerchants } from '../local/sandbox/merchants.ts';
import * as momo from '../local/sandbox/momo/sign.ts';
import * as payos from '../local/sandbox/payos/sign.ts';
import * as stripe from '../local/sandbox/stripe/sign.ts';
import { signedHeaders } from '../local/sandbox/vietqr/sign.ts';
import * as vnpay from '../local/sandbox/vnpay/sign.ts';
import * as zalopay from '../local/sandbox/zalopay/sign.ts';
import type { ProviderName, WebhookRequest } from '../supabase/functions/_shared/payments/provider.ts';

/** A genuine notification, and what a bare check of its signature needs. */
export interface SignedRequest {
  request: WebhookRequest;
  secret: string;
  hash: 'SHA-256' | 'SHA-512';
  /** What is signed. */
  text: string;
  /** Hex. */
  signature: string;
}

const merchants: SandboxMerchants = sandboxMerchants;
const amount = 1_630_000;
const paidAt = Date.now();

function posted(body: string, headers: Record<string, string> = {}): WebhookRequest {
  const all = new Headers({ 'content-type': 'application/json', ...headers });
  return { method: 'POST', query: '', body, headers: all };
}

function referenceOf(n: number): string {
  return `J261120${String(n).padStart(8, '0')}`;
}

function vnpayRequest(n: number): SignedRequest {
  const { tmnCode, hashSecret } = merchants.vnpay;
  const params = {
    vnp_TmnCode: tmnCode,
    vnp_Amount: String(amount * 100),
    vnp_BankCode: 'NCB',
    vnp_BankTranNo: `VNP${14_000_000 + n}`,
    vnp_CardType: 'ATM',
    vnp_PayDate: '20261120101500',
    vnp_OrderInfo: 'Thanh toan don dat xe',
    vnp_TransactionNo: String(14_000_000 + n),
    vnp_ResponseCode: '00',
    vnp_TransactionStatus: '00',
    vnp_TxnRef: referenceOf(n),
  };
  const text = vnpay.queryText(params);
  return {
    request: {
      method: 'GET',
      query: vnpay.signedQuery(params, hashSecret),
      body: '',
      headers: new Headers(),
    },
    secret: hashSecret,
    hash: 'SHA-512',
    text,
    signature: vnpay.hmac(hashSecret, text),
  };
}

function momoRequest(n: number): SignedRequest {
  const { partnerCode, secretKey } = merchants.momo;
  const result = {
    partnerCode,
    orderId: referenceOf(n),
    requestId: referenceOf(n),
    amount,
    orderInfo: 'Thanh toán đơn đặt xe',
    orderType: 'momo_wallet',
    transId: 4_000_000_000 + n,
    resultCode: 0,
    message: 'Thành công.',
    payType: 'qr',
    responseTime: paidAt,
    extraData: '',
  };
  const text = momo.resultText(merchants.momo, result);
  const signature = momo.hmac(secretKey, text);
  const body = { ...result, paymentOption: 'momo', userFee: 0, promotionInfo: null, signature };
  return { request: posted(JSON.stringify(body)), secret: secretKey, hash: 'SHA-256', text, signature };
}

function zalopayRequest(n: number): SignedRequest {
  const { appId, key2 } = merchants.zalopay;
  const text = JSON.stringify({
    app_id: Number(appId),
    app_trans_id: `261120_${referenceOf(n)}`,
    app_time: paidAt,
    app_user: 'journey',
    amount,
    embed_data: '{}',
    item: '[]',
    zp_trans_id: 261_120_000_000_000 + n,
    server_time: paidAt,
    channel: 38,
    merchant_user_id: '7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc',
    zp_user_id: '7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc',
    user_fee_amount: 0,
    discount_amount: 0,
  });
  const signature = zalopay.hmac(key2, text);
  const body = JSON.stringify({ data: text, mac: signature, type: 1 });
  return { request: posted(body), secret: key2, hash: 'SHA-256', text, signature };
}

function payosRequest(n: number): SignedRequest {
  const { checksumKey } = merchants.payos;
  const data = {
    orderCode: 26_112_000_000_000 + n,
    amount,
    description: 'JOURNEY',
    accountNumber: '0123456789',
    reference: `FT26324${String(n).padStart(9, '0')}`,
    transactionDateTime: '2026-11-20 10:15:00',
    currency: 'VND',
    paymentLinkId: '124c33293c43417ab7879e14c8d9eb18',
    code: '00',
    desc: 'success',
    counterAccountBankId: '970436',
    counterAccountBankName: '',
    counterAccountName: 'NGUYEN VAN A',
    counterAccountNumber: '0987654321',
    virtualAccountName: '',
    virtualAccountNumber: '',
  };
  const text = payos.dataText(data);
  const signature = payos.hmac(checksumKey, text);
  const body = JSON.stringify({ code: '00', desc: 'success', success: true, data, signature });
  return { request: posted(body), secret: checksumKey, hash: 'SHA-256', text, signature };
}

function stripeRequest(n: number): SignedRequest {
  const { webhookSecret: secret } = merchants.stripe;
  // the wrapper refuses what is older than five minutes
  const timestamp = Math.floor(Date.now() / 1000);
  const session = {
    id: `cs_test_${n}`,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    amount_subtotal: amount,
    amount_total: amount,
    cancel_url: 'https://example.com/back',
    client_reference_id: referenceOf(n),
    created: timestamp,
    currency: 'vnd',
    expires_at: timestamp + 1800,
    livemode: false,
    locale: 'vi',
    metadata: { reference: referenceOf(n) },
    mode: 'payment',
    payment_intent: `pi_${n}`,
    payment_method_types: ['card'],
    payment_status: 'paid',
    status: 'complete',
    success_url: 'https://example.com/back',
    ui_mode: 'hosted_page',
    url: null,
  };
  const event = {
    id: `evt_${n}`,
    object: 'event',
    api_version: '2026-10-28.endive',
    created: timestamp,
    data: { object: session },
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type: 'checkout.session.completed',
  };
  const body = JSON.stringify(event, null, 2);
  const headers = { 'stripe-signature': stripe.signatureHeader(body, { secret, timestamp }) };
  const text = `${timestamp}.${body}`;
  return {
    request: posted(body, headers),
    secret,
    hash: 'SHA-256',
    text,
    signature: stripe.hmac(secret, text),
  };
}

function vietqrRequest(n: number): SignedRequest {
  const { accountNumber, webhookSecret: secret } = merchants.vietqr;
  const body = JSON.stringify({
    id: 90_000 + n,
    gateway: 'Vietcombank',
    transactionDate: '2026-11-20 10:15:00',
    accountNumber,
    subAccount: null,
    code: referenceOf(n),
    content: `${referenceOf(n)} chuyen tien`,
    transferType: 'in',
    description: `BankAPINotify ${referenceOf(n)} chuyen tien`,
    transferAmount: amount,
    accumulated: 0,
    referenceCode: `FT26324${String(n).padStart(9, '0')}`,
  });
  // likewise
  const headers = signedHeaders(body, secret, Date.now());
  const signature = (headers['x-sepay-signature'] ?? '').replace('sha256=', '');
  const text = `${headers['x-sepay-timestamp']}.${body}`;
  return { request: posted(body, headers), secret, hash: 'SHA-256', text, signature };
}

/** The n-th genuine notification of a success, as each provider's sandbox signs it. */
export const signedRequests: Record<ProviderName, (n: number) => SignedRequest> = {
  vnpay: vnpayRequest,
  momo: momoRequest,
  zalopay: zalopayRequest,
  payos: payosRequest,
  stripe: stripeRequest,
  vietqr: vietqrRequest,
};
