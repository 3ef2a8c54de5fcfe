import { z } from 'zod';
import { type FoundRefund, refundPayload, refundToSend } from '../_shared/contracts/outbox.ts';
import { appError } from '../_shared/errors.ts';
import type { RefundInput } from '../_shared/payments/provider.ts';
import { type EffectTools, effectOf, never, performed, wait } from './effect.ts';
import { cooldownOf, sendMoney } from './send-money.ts';
import { type Leg, transferLeg } from './transfer.ts';

const refundRow = z.looseObject({ status: z.string() });
const oneHour = 3600;

/** Back by the rail it came by; null when nothing says which payment to reverse. */
function providerLeg(
  { refund, attempt, other_refund_ids: otherRefundIds }: FoundRefund,
  requestKey: string,
  { providers, ask }: EffectTools,
): Leg | null {
  // of unmatched money the refund itself knows the movement, which need not be the one that paid the attempt
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
    ask: () => ask(() => provider.retrieveRefund(input)),
    send: () => provider.refund(input),
    longestCooldown: 6 * oneHour,
  };
}

/** To the payer's bank account, for rails that cannot give back; null when there is none. */
async function bankLeg(
  { refund, attempt, account }: FoundRefund,
  orderKey: string,
  transfers: NonNullable<EffectTools['transfers']>,
): Promise<Leg | null> {
  if (!account) return null;
  const { id, amount, currency, provider_refund_id: transferId } = refund;
  const message = `Hoan tien ${refund.reference ?? attempt?.reference ?? ''}`.trim();
  return transferLeg({ id, orderKey, amount, currency, account, message, transferId }, transfers);
}

/** Topic `refund`: gives money back, by the provider that took it or by a bank transfer. */
export const sendRefund = effectOf(
  'refund',
  'provider',
  refundPayload,
  async ({ refund_id }, { attempts }, tools) => {
    const { service, transfers, now } = tools;
    const found = await service.call('refund_to_send', { refund_id }, refundToSend);
    if (!found) return never('there is no such refund');
    const { refund } = found;
    if (refund.status === 'succeeded') return performed(refund.provider_refund_id, { status: refund.status });
    // only an admin may order it anew, and that writes another row
    if (refund.status === 'failed') return performed(null, { status: refund.status });
    if (refund.status === 'awaiting_account')
      return wait(oneHour, 'the payer has named no bank account that can be used yet');

    const record = (outcome: string, providerId: string | null, failureCode: string | null) =>
      service.call(
        'record_refund_result',
        {
          ...{ refund_id, outcome, provider_refund_id: providerId, failure_code: failureCode },
          ordered_at: refund.ordered_at,
        },
        refundRow,
      );
    // of the order and not of this row, as a change of account can leave two rows for one order
    const orderKey = `${refund.id}:${refund.ordered_at}`;
    const byTransfer = refund.method === 'bank_transfer';
    // it waits: an admin who transfers by hand what has been sent, or will be once there are keys, would pay it twice
    if (byTransfer && !transfers) throw appError('provider_not_configured', { provider: refund.provider });
    const leg =
      byTransfer && transfers
        ? await bankLeg(found, orderKey, transfers)
        : providerLeg(found, orderKey, tools);
    if (leg === null) {
      const failed = byTransfer ? 'no_account' : 'no_transaction';
      await record('failed', null, failed);
      return performed(null, { failed });
    }

    const underWay = refund.status === 'processing';
    if (found.waits && !byTransfer && !underWay) {
      const cooldown = cooldownOf({ orderedAt: refund.ordered_at, longestCooldown: oneHour }, now());
      return wait(cooldown, 'an earlier refund of this payment is with its provider');
    }
    const claim = (): Promise<boolean> =>
      service.call('claim_refund', { refund_id, ordered_at: refund.ordered_at }, z.boolean());
    return sendMoney(
      {
        ...leg,
        what: 'the refund',
        // a transfer is under way from its claim on; only an id of its own proves that it was accepted
        accepted: underWay && (!byTransfer || refund.provider_refund_id !== null),
        mayBeThere: underWay || attempts > 1,
        orderedAt: refund.ordered_at,
        // as it was read: another account, or a transfer made by hand meanwhile, and it is not sent
        claim: byTransfer && !underWay ? claim : null,
        record: (result) =>
          record(result.status, result.refundId, result.status === 'failed' ? result.code : null),
      },
      now(),
    );
  },
);
