import { z } from 'zod';
import { payoutPayload, payoutToSend } from '../_shared/contracts/outbox.ts';
import { appError } from '../_shared/errors.ts';
import { done, effectOf } from './effect.ts';
import { sendMoney } from './send-money.ts';
import { transferSender } from './transfer.ts';

const payoutRow = z.looseObject({ status: z.string() });

/** Topic `payout`: sends what a host has earned to the host's bank account. */
export const sendPayout = effectOf(
  'payout',
  'provider',
  payoutPayload,
  async ({ payout_id }, { attempts }, tools) => {
    const { service, transfers, now } = tools;
    const found = await service.call('payout_to_send', { payout_id }, payoutToSend);
    if (!found) return done(null, { skipped: 'nothing to send' });
    const { payout, account, request_key: orderKey } = found;

    const record = (outcome: string, providerId: string | null, failureCode: string | null, byUs = false) =>
      service.call(
        'record_payout_result',
        {
          ...{ payout_id, outcome, provider_payout_id: providerId, failure_code: failureCode },
          ...{ failed_by_us: byUs, sending: payout.sending },
        },
        payoutRow,
      );
    const maybeSent = payout.provider_payout_id !== null || attempts > 1;
    // if it were marked as failed, an admin would pay it by hand, although the channel may have sent it
    if (!transfers && maybeSent) throw appError('provider_not_configured', { provider: 'payos' });
    // it is reserved for sending now, so record why it cannot be sent
    if (!transfers || !account) {
      const failed = transfers ? 'no_account' : 'provider_not_configured';
      await record('failed', null, failed, !transfers);
      return done(null, { failed });
    }

    const { id, amount, currency, provider_payout_id: transferId } = payout;
    const message = `Journey chi tra ${id.slice(0, 8)}`;
    const sender = await transferSender(
      { id, orderKey, amount, currency, account, message, transferId },
      transfers,
    );
    return sendMoney(
      {
        ...sender,
        what: 'the payout',
        accepted: transferId !== null,
        maybeSent,
        orderedAt: payout.scheduled_at,
        claim: null,
        record: (result) =>
          record(
            result.status,
            result.refundId,
            result.status === 'failed' ? result.code : null,
            result.byUs,
          ),
      },
      now(),
    );
  },
);
