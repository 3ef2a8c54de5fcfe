import { differenceInSeconds } from 'date-fns';
import { z } from 'zod';
import { refundPayload, refundToSend } from '../_shared/contracts/outbox.ts';
import type { RefundInput, RefundResult } from '../_shared/payments/provider.ts';
import { type EffectResult, later, never, performed, wait, withPayload } from './effect.ts';

const refundRow = z.looseObject({ status: z.string() });

/**
 * Topic `refund`. A refund that may already be with the provider, because it said so or because an answer was
 * lost, is asked about before it is sent again. It stays in the outbox until the provider has paid it back.
 */
export const sendRefund = withPayload(
  refundPayload,
  async ({ refund_id }, item, { service, providers, now }) => {
    const found = await service.call('refund_to_send', { refund_id }, refundToSend);
    if (!found) return never('there is no such refund');
    const { refund, attempt } = found;
    if (refund.status === 'succeeded') return performed(refund.provider_refund_id, { status: refund.status });
    // only an admin may order it anew, and that writes another row
    if (refund.status === 'failed') return performed(null, { status: refund.status });

    const provider = providers.get(attempt.provider);
    const input: RefundInput = {
      reference: attempt.reference,
      amount: attempt.amount,
      currency: attempt.currency,
      providerData: attempt.provider_data,
      requestKey: item.dedupe_key,
      refundAmount: refund.amount,
      transactionId: attempt.provider_transaction_id,
      refundId: refund.provider_refund_id,
    };

    // banks take days: ask soon at first, then ever more slowly
    const age = differenceInSeconds(now(), refund.created_at);
    const pause = Math.round(Math.min(Math.max(age / 4, 3), 6 * 3600));

    const settle = async (result: RefundResult): Promise<EffectResult> => {
      if (!result.known) {
        const reason = `${attempt.provider} gave no answer about the refund: ${result.reason}`;
        // it has been accepted, so silence is no failure of ours
        return refund.status === 'processing' ? wait(pause, reason) : later(reason);
      }
      await service.call(
        'record_refund_result',
        {
          refund_id,
          outcome: result.status,
          provider_refund_id: result.refundId,
          failure_code: result.status === 'failed' ? result.code : null,
        },
        refundRow,
      );
      if (result.status === 'succeeded') return performed(result.refundId, { code: result.code });
      // the refund itself now says that it failed, and waits for an admin; the row has done its part
      if (result.status === 'failed') return performed(null, { failed: result.code });
      return wait(
        pause,
        `${attempt.provider} has accepted the refund and not yet paid it back: ${result.code}`,
      );
    };

    const mayBeThere = refund.status === 'processing' || item.attempts > 1;
    if (mayBeThere) {
      const known = await provider.retrieveRefund(input);
      if (known.known || known.status === 'try_later' || refund.status === 'processing') return settle(known);
    }
    return settle(await provider.refund(input));
  },
);
