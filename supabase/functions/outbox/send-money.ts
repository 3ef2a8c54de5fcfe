import { differenceInSeconds } from 'date-fns';
import { AppError } from '../_shared/errors.ts';
import { cooldownRequested } from '../_shared/payments/call.ts';
import type { RefundResult } from '../_shared/payments/provider.ts';
import { type EffectResult, later, performed, wait } from './effect.ts';

/** Money that is to leave once, whoever sends it: a refund by a provider, or a transfer to a bank account. */
export interface MoneyOrder {
  /** For messages: `the refund`, `the payout`. */
  what: string;
  /** Who sends it. */
  by: string;
  /** It has been accepted there: never sent again, whatever silence follows. */
  accepted: boolean;
  /** An earlier try may have sent it without hearing the answer. */
  mayBeThere: boolean;
  orderedAt: string;
  /** Seconds between two looks at one that is under way, at most. */
  longestCooldown: number;
  /** Reserves it for being sent now; false when it is no longer to be sent. */
  claim: (() => Promise<boolean>) | null;
  ask(): Promise<RefundResult>;
  send(): Promise<RefundResult>;
  record(result: Extract<RefundResult, { known: true }>): Promise<unknown>;
}

// it can take seconds or days: ask soon at first, then ever more slowly
export function cooldownOf(order: Pick<MoneyOrder, 'orderedAt' | 'longestCooldown'>, now: number): number {
  const age = differenceInSeconds(now, order.orderedAt);
  return Math.round(Math.min(Math.max(age / 4, 3), order.longestCooldown));
}

/**
 * Asks what became of the money. Once it was accepted, a provider that is away is one that says nothing, however
 * often; but one that is asked too often says so to its whole lane.
 */
async function askAbout(order: MoneyOrder): Promise<RefundResult> {
  try {
    return await order.ask();
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
    // it has been accepted, so silence is no failure of ours
    return order.accepted ? wait(cooldownOf(order, now), reason) : later(reason);
  }
  await order.record(result);
  if (result.status === 'succeeded') return performed(result.refundId, { code: result.code });
  // its own row now says that it failed, and waits for an admin; this one has done its part
  if (result.status === 'failed') return performed(null, { failed: result.code });
  return wait(cooldownOf(order, now), `${by} has accepted ${what} and not finished it: ${result.code}`);
}

/**
 * Sends money, or finds out what became of it. Money that may already be on its way, because the provider said
 * so or because an answer was lost, is asked about before it is sent again. The row stays in the outbox until
 * the provider has said how it ended.
 */
export async function sendMoney(order: MoneyOrder, now: number): Promise<EffectResult> {
  if (order.mayBeThere) {
    const known = await askAbout(order);
    if (known.known || known.status === 'try_later' || order.accepted) return settle(order, known, now);
  }
  if (order.claim && !(await order.claim())) return performed(null, { skipped: 'no longer to be sent' });
  return settle(order, await order.send(), now);
}
