import { z } from 'zod';
import { type FoundRefund, refundPayload, refundToSend } from '../_shared/contracts/outbox.ts';
import { appError } from '../_shared/errors.ts';
import type { RefundInput } from '../_shared/payments/provider.ts';
import { deadLetter, defer, done, type EffectTools, effectOf } from './effect.ts';
import { pollSeconds, sendMoney } from './send-money.ts';
import { type Sender, transferSender } from './transfer.ts';

const refundRow = z.looseObject({ status: z.string() });
const oneHour = 3600;

/** Sends it back by the rail that the money came by. Null when nothing says which payment to reverse. */
function providerSender(
  { refund, attempt, other_refund_ids: otherRefundIds }: FoundRefund,
  requestKey: string,
  { providers, query }: EffectTools,
): Sender | null {
  // a refund of unmatched money knows its movement itself; another movement may have paid the attempt
  const transactionId = refund.provider_transaction_id ?? attempt?.provider_transaction_id ?? null;
  const reference = refund.reference ?? attempt?.reference ?? null;
  const amount = refund.paid_amount ?? attempt?.amount ?? null;
  if (amount === null || (transactionId === null && reference === null)) return null;
  const provider = providers.get(refund.provider);
  const input: RefundInput = {
    reference: reference ?? '',
    amount,
    currency: refund.currency,
    providerData: attempt?.provider_data ?? {},
    requestKey,
    orderedAt: Date.parse(refund.ordered_at),
    refundAmount: refund.amount,
    transactionId,
    refundId: refund.provider_refund_id,
    otherRefundIds,
  };
  return {
    by: provider.name,
    query: () => query(() => provider.retrieveRefund(input)),
    send: () => provider.refund(input),
    maxPollSeconds: 6 * oneHour,
  };
}

/** Sends it to the payer's bank account, for rails that cannot refund. Null when there is no account. */
async function bankSender(
  { refund, attempt, account }: FoundRefund,
  orderKey: string,
  transfers: NonNullable<EffectTools['transfers']>,
): Promise<Sender | null> {
  if (!account) return null;
  const { id, amount, currency, provider_refund_id: transferId } = refund;
  const message = `Hoan tien ${refund.reference ?? attempt?.reference ?? ''}`.trim();
  return transferSender({ id, orderKey, amount, currency, account, message, transferId }, transfers);
}

/** Topic `refund`: sends money back by the provider that took it, or by a bank transfer. */
export const sendRefund = effectOf(
  'refund',
  'provider',
  refundPayload,
  async ({ refund_id }, { attempts }, tools) => {
    const { service, transfers, now } = tools;
    const found = await service.call('refund_to_send', { refund_id }, refundToSend);
    if (!found) return deadLetter('there is no such refund');
    const { refund } = found;
    if (refund.status === 'succeeded') return done(refund.provider_refund_id, { status: refund.status });
    // only an admin may order it again, and that writes another row
    if (refund.status === 'failed') return done(null, { status: refund.status });
    if (refund.status === 'awaiting_account')
      return defer(oneHour, 'the payer has named no bank account that can be used yet');

    const record = (outcome: string, providerId: string | null, failureCode: string | null) =>
      service.call(
        'record_refund_result',
        {
          ...{ refund_id, outcome, provider_refund_id: providerId, failure_code: failureCode },
          ordered_at: refund.ordered_at,
        },
        refundRow,
      );
    // it belongs to the order and not to this row, because a change of account can leave two rows for one order
    const orderKey = `${refund.id}:${refund.ordered_at}`;
    const byTransfer = refund.method === 'bank_transfer';
    // wait: the transfer may have been sent, or will be sent once there are keys, so an admin who pays it by
    // hand would pay it twice
    if (byTransfer && !transfers) throw appError('provider_not_configured', { provider: refund.provider });
    const sender =
      byTransfer && transfers
        ? await bankSender(found, orderKey, transfers)
        : providerSender(found, orderKey, tools);
    if (sender === null) {
      const failed = byTransfer ? 'no_account' : 'no_transaction';
      await record('failed', null, failed);
      return done(null, { failed });
    }

    const underWay = refund.status === 'processing';
    if (found.waits && !byTransfer && !underWay) {
      const seconds = pollSeconds({ orderedAt: refund.ordered_at, maxPollSeconds: oneHour }, now());
      return defer(seconds, 'an earlier refund of this payment is with its provider');
    }
    const claim = (): Promise<boolean> =>
      service.call('claim_refund', { refund_id, ordered_at: refund.ordered_at }, z.boolean());
    return sendMoney(
      {
        ...sender,
        what: 'the refund',
        // a transfer is under way from its claim on; only an id of its own proves that the provider accepted it
        accepted: underWay && (!byTransfer || refund.provider_refund_id !== null),
        maybeSent: underWay || attempts > 1,
        orderedAt: refund.ordered_at,
        // claims it as it was read: it is not sent when the account has changed or an admin has paid it by hand
        // meanwhile
        claim: byTransfer && !underWay ? claim : null,
        record: (result) =>
          record(result.status, result.refundId, result.status === 'failed' ? result.code : null),
      },
      now(),
    );
  },
);
