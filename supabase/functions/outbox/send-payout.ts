import { z } from 'zod';
import { payoutPayload, payoutToSend } from '../_shared/contracts/outbox.ts';
import { appError } from '../_shared/errors.ts';
import { effectOf, performed } from './effect.ts';
import { sendMoney } from './send-money.ts';
import { transferLeg } from './transfer.ts';

const payoutRow = z.looseObject({ status: z.string() });

/** Topic `payout`: sends what a host has earned to the host's bank account. */
export const sendPayout = effectOf(
  'payout',
  'provider',
  payoutPayload,
  async ({ payout_id }, { attempts }, tools) => {
    const { service, transfers, now } = tools;
    const found = await service.call('payout_to_send', { payout_id }, payoutToSend);
    if (!found) return performed(null, { skipped: 'nothing to send' });
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
    const mayBeThere = payout.provider_payout_id !== null || attempts > 1;
    // said to have failed, it would be paid by hand, and once more when the channel has sent it
    if (!transfers && mayBeThere) throw appError('provider_not_configured', { provider: 'payos' });
    // it is reserved for being sent by now, so it must be said where it cannot be
    if (!transfers || !account) {
      const failed = transfers ? 'no_account' : 'provider_not_configured';
      await record('failed', null, failed, !transfers);
      return performed(null, { failed });
    }

    const { id, amount, currency, provider_payout_id: transferId } = payout;
    const message = `Journey chi tra ${id.slice(0, 8)}`;
    const leg = await transferLeg(
      { id, orderKey, amount, currency, account, message, transferId },
      transfers,
    );
    return sendMoney(
      {
        ...leg,
        what: 'the payout',
        accepted: transferId !== null,
        mayBeThere,
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
