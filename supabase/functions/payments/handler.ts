import { clientIp } from '../_shared/client-ip.ts';
import {
  checkPaymentRequest,
  type PaymentAttempt,
  paymentAttempt,
  startPaymentRequest,
} from '../_shared/contracts/payments.ts';
import type { Rpc } from '../_shared/db.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError, appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import type { Checkout, CheckoutInput, PaymentProvider } from '../_shared/payments/provider.ts';
import { withReturnTarget } from '../_shared/payments/return-url.ts';
import { checkPayment } from './check-payment.ts';
import { madeElsewhere } from './made-elsewhere.ts';
import { qrSvg } from './qr.ts';
import { showReturn } from './show-return.ts';

type Needs = Pick<Deps, 'http' | 'db' | 'providers' | 'returns' | 'now' | 'pause'>;

/** Makes the link of an attempt and stores it. Of requests with one key, the first link is stored and all answer it. */
async function offer(
  attemptId: string,
  provider: PaymentProvider,
  input: CheckoutInput,
  service: Rpc,
  pause: Deps['pause'],
): Promise<PaymentAttempt> {
  let checkout: Checkout;
  try {
    checkout = await provider.create(input);
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'payment_start_again') throw error;
    const made = await madeElsewhere(attemptId, service, pause);
    if (made === null) throw error;
    return made;
  }
  return service.call(
    'attach_checkout',
    {
      attempt_id: attemptId,
      redirect_url: checkout.redirectUrl,
      qr_payload: checkout.qrPayload,
      details: checkout.details,
      provider_data: checkout.providerData,
    },
    paymentAttempt,
  );
}

/**
 * POST /payments/start: begins an attempt to pay. Answers where to go, as a link (null on a rail without a
 * page), as a QR code, and with what else the payer's app may use.
 *
 * POST /payments/check: asks the providers now for the results of the open attempts, and answers the state of
 * the payment.
 *
 * GET /payments/return/<provider>: what the payer sees afterwards. It never settles anything.
 */
export function handle(deps: Needs): (request: Request) => Promise<Response> {
  const { http, db, providers, returns, pause } = deps;
  const start = endpoint({
    methods: ['POST'],
    path: '/start',
    auth: 'user',
    body: startPaymentRequest,
    errors: ['payment_start_again', 'provider_unavailable'],
    async run({ body, user, trace, request, note }) {
      // first refuse everything that can be refused without a trace in the database
      const provider = providers.get(body.provider);
      const returnUrl = withReturnTarget(
        `${returns.functionsUrl}/payments/return/${body.provider}`,
        body.return_url,
        returns.allowed,
      );
      let attempt = await db
        .asUser(user, trace)
        .call(
          'start_payment',
          { payment_id: body.payment_id, provider: body.provider, idempotency_key: body.idempotency_key },
          paymentAttempt,
        );
      note({ attempt_id: attempt.id, provider: body.provider });
      if (attempt.status === 'created') {
        const input: CheckoutInput = {
          reference: attempt.reference,
          amount: attempt.amount,
          currency: attempt.currency,
          createdAt: Date.parse(attempt.created_at),
          expiresAt: Date.parse(attempt.expires_at),
          description: `Thanh toan ${attempt.reference}`,
          locale: /^en/i.test(request.headers.get('accept-language') ?? '') ? 'en' : 'vi',
          clientIp: clientIp(request.headers),
          returnUrl,
          webhookUrl: `${returns.functionsUrl}/payment-webhooks/${body.provider}`,
        };
        attempt = await offer(attempt.id, provider, input, db.service(trace), pause);
      }
      const { redirect_url, qr_payload, provider_data: _, ...shown } = attempt;
      if (qr_payload === null) {
        throw appError('payment_not_payable', { status: attempt.status });
      }
      return {
        attempt: { ...shown, redirect_url, qr_payload },
        redirect_url,
        details: shown.details,
        qr: { payload: qr_payload, svg: await qrSvg(qr_payload) },
      };
    },
  });

  const check = endpoint({
    methods: ['POST'],
    path: '/check',
    auth: 'user',
    body: checkPaymentRequest,
    run: ({ body, user, trace, note }) => checkPayment(body.payment_id, { user, trace, note }, deps),
  });

  const back = endpoint({
    methods: ['GET'],
    path: '/return/:provider',
    auth: 'none',
    async run({ url, params, note }) {
      const provider = providers.get(params.provider ?? '');
      const back = await provider.readReturn(url.search.slice(1));
      note({ provider: provider.name, status: back.status });
      return showReturn(back, url.searchParams.get('to'), returns.allowed);
    },
  });

  return serveEndpoints('payments', [start, check, back], http);
}
