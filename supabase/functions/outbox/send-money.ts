import { differenceInSeconds } from 'date-fns';
import { AppError } from '../_shared/errors.ts';
import { cooldownRequested } from '../_shared/payments/call.ts';
import type { RefundResult } from '../_shared/payments/provider.ts';
import { defer, done, type EffectResult, retry } from './effect.ts';

/** Money that must leave once: a refund by a provider, or a transfer to a bank account. */
export interface MoneyOrder {
  /** For messages: `the refund`, `the payout`. */
  what: string;
  /** Who sends it. */
  by: string;
  /** The provider has accepted it. DO NOT send it again, even if the provider never answers. */
  accepted: boolean;
  /** An earlier try may have sent it, and its answer was lost. */
  maybeSent: boolean;
  orderedAt: string;
  /** The longest time between two queries while it is under way, in seconds. */
  maxPollSeconds: number;
  /** Reserves it, so that it is sent now. False when it must no longer be sent. */
  claim: (() => Promise<boolean>) | null;
  query(): Promise<RefundResult>;
  send(): Promise<RefundResult>;
  record(result: Extract<RefundResult, { known: true }>): Promise<unknown>;
}

// it can take seconds or days: query soon at first, then less and less often
export function pollSeconds(order: Pick<MoneyOrder, 'orderedAt' | 'maxPollSeconds'>, now: number): number {
  const age = differenceInSeconds(now, order.orderedAt);
  return Math.round(Math.min(Math.max(age / 4, 3), order.maxPollSeconds));
}

/**
 * Asks for the result. After the money was accepted, a provider that is away counts as one without an answer,
 * however often it happens. A rate limit still cools down the whole queue.
 */
async function queryResult(order: MoneyOrder): Promise<RefundResult> {
  try {
    return await order.query();
  } catch (error) {
    const away =
      error instanceof AppError && error.code === 'provider_unavailable' && !cooldownRequested(error);
    if (!order.accepted || !away) throw error;
    return { known: false, status: 'no_information', reason: String(error.cause ?? error.code) };
  }
}

async function settle(order: MoneyOrder, result: RefundResult, now: number): Promise<EffectResult> {
  const { what, by } = order;
  if (!result.known) {
    const reason = `${by} gave no answer about ${what}: ${result.reason}`;
    // the provider has accepted it, so a missing answer is not our failure
    return order.accepted ? defer(pollSeconds(order, now), reason) : retry(reason);
  }
  await order.record(result);
  if (result.status === 'succeeded') return done(result.refundId, { code: result.code });
  // its own row now says that it failed, and waits for an admin; the outbox row is done
  if (result.status === 'failed') return done(null, { failed: result.code });
  return defer(pollSeconds(order, now), `${by} has accepted ${what} and not finished it: ${result.code}`);
}

/**
 * Sends money, or finds out its result. Money may already be on its way, because the provider said so or
 * because an answer was lost. Then it asks before it sends again. The row stays in the outbox until the
 * provider has said how it ended.
 */
export async function sendMoney(order: MoneyOrder, now: number): Promise<EffectResult> {
  if (order.maybeSent) {
    const known = await queryResult(order);
    if (known.known || known.status === 'try_later' || order.accepted) return settle(order, known, now);
  }
  if (order.claim && !(await order.claim())) return done(null, { skipped: 'no longer to be sent' });
  return settle(order, await order.send(), now);
}
