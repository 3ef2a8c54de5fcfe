import type { z } from 'zod';
import type { OutboxItem } from '../_shared/contracts/outbox.ts';
import type { Rpc } from '../_shared/db.ts';
import type { Deps } from '../_shared/deps.ts';
import type { CooldownRequest } from '../_shared/payments/call.ts';

/**
 * What is to be done with a row: performed; not performed, and whether it is worth another try; or well under way
 * and to be looked at again after some seconds, which counts as no failure.
 */
export type RowResult =
  | { done: true; providerId: string | null; result: Record<string, unknown> }
  | { done: false; permanent: boolean; reason: string }
  | { done: false; waitSeconds: number; why: DeferredReason; reason: string };

/** Why a row waits although nothing failed, as `private.outbox.deferred_reason` has it. */
export type DeferredReason = 'waiting' | 'rate_limited' | 'not_configured' | 'no_turn';

/**
 * What came of a row. Besides the above, its provider may have refused it because it is asked too often, or what it
 * needs has no settings; that is no failure of the row, and concerns all that need the same.
 */
export type EffectResult =
  | RowResult
  | ({ done: false } & CooldownRequest)
  | { done: false; withoutSettings: true; reason: string };

/** What is done with the rows of one topic. */
export interface Effect {
  topic: string;
  /**
   * Whether its rows call the provider that their payload names, so that they go one after the other, or the payout
   * channel; `questions` where such a row is a question and nothing else, of the others some ask before they order.
   */
  calls: 'nobody' | 'provider' | 'questions';
  /**
   * Performs one leased row. What it throws counts as worth another try, unless it says that the provider is asked too
   * often.
   */
  perform(item: OutboxItem, tools: EffectTools): Promise<EffectResult>;
}

export interface EffectTools extends Pick<Deps, 'providers' | 'transfers' | 'mailer' | 'now'> {
  service: Rpc;
  /** Asks the row's provider what became of something, unless it is to be asked nothing for a while. */
  ask<T>(question: () => Promise<T>): Promise<T>;
}

export function performed(providerId: string | null, result: Record<string, unknown> = {}): RowResult {
  return { done: true, providerId, result };
}

export function later(reason: string): RowResult {
  return { done: false, permanent: false, reason };
}

export function never(reason: string): RowResult {
  return { done: false, permanent: true, reason };
}

/** Waits for an answer, or for somebody's act. */
export function wait(waitSeconds: number, reason: string): RowResult {
  return putOff(waitSeconds, 'waiting', reason);
}

export function putOff(waitSeconds: number, why: DeferredReason, reason: string): RowResult {
  return { done: false, waitSeconds, why, reason };
}

/** Waits for an operator: what this row needs has no settings, or bad ones. That is no failure of the row. */
export function waitForSettings(reason: string): EffectResult {
  return { done: false, withoutSettings: true, reason };
}

export function coolDown(cooldown: CooldownRequest): EffectResult {
  return { done: false, ...cooldown };
}

/** An effect that refuses for good a payload outside its contract. */
export function effectOf<T>(
  topic: string,
  calls: Effect['calls'],
  schema: z.ZodType<T>,
  run: (payload: T, item: OutboxItem, tools: EffectTools) => Promise<EffectResult>,
): Effect {
  return {
    topic,
    calls,
    async perform(item, tools) {
      const payload = schema.safeParse(item.payload);
      if (!payload.success)
        return never(`the payload is not what this topic takes: ${payload.error.message}`);
      return run(payload.data, item, tools);
    },
  };
}
