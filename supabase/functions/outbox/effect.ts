import type { z } from 'zod';
import type { OutboxItem } from '../_shared/contracts/outbox.ts';
import type { Db, Rpc } from '../_shared/db.ts';
import type { Deps } from '../_shared/deps.ts';
import type { CooldownRequest } from '../_shared/payments/call.ts';

/** Why a row is deferred although nothing failed, as in `private.outbox.deferred_reason`. */
export type DeferredReason = 'waiting' | 'rate_limited' | 'not_configured' | 'no_turn';

/** What happens to a row. Only `retry` and `dead_letter` count as failures. */
export type RowResult =
  | { kind: 'done'; providerId: string | null; result: Record<string, unknown> }
  /** It failed, and another try may succeed. */
  | { kind: 'retry'; error: string }
  /** It failed, and no further try can succeed. */
  | { kind: 'dead_letter'; error: string }
  /** The worker looks at it again after some seconds. */
  | { kind: 'defer'; seconds: number; reason: DeferredReason; detail: string };

/**
 * The result of an effect: the above, or what concerns all rows with the same need. The provider is rate limited,
 * or settings are missing. The row itself has not failed.
 */
export type EffectResult =
  | RowResult
  | { kind: 'rate_limited'; cooldown: CooldownRequest }
  | { kind: 'not_configured'; detail: string };

/** What is done with the rows of one topic. */
export interface Effect {
  topic: string;
  /**
   * Whether its rows call the provider that their payload names, the payout channel, or the endpoint whose `queue` their
   * payload names. Such rows run one after the other. `queries` is for rows that only query; some of the others query
   * before they order.
   */
  calls: 'nobody' | 'provider' | 'queries' | 'endpoint';
  /** Performs one leased row. Whatever it throws means another try, except a rate limit or missing settings. */
  perform(item: OutboxItem, tools: EffectTools): Promise<EffectResult>;
}

export interface EffectTools
  extends Pick<
    Deps,
    'providers' | 'transfers' | 'mailer' | 'sms' | 'push' | 'calendars' | 'webhooks' | 'now'
  > {
  service: Rpc;
  /** What no function of the database can do. */
  platform: Pick<Db, 'objects' | 'deleteUser'>;
  /** Queries the provider of the row. Throws instead while the provider takes no queries. */
  query<T>(call: () => Promise<T>): Promise<T>;
}

export function done(providerId: string | null, result: Record<string, unknown> = {}): RowResult {
  return { kind: 'done', providerId, result };
}

export function retry(error: string): RowResult {
  return { kind: 'retry', error };
}

export function deadLetter(error: string): RowResult {
  return { kind: 'dead_letter', error };
}

/** By default the row waits for an answer, or for a person to act. */
export function defer(seconds: number, detail: string, reason: DeferredReason = 'waiting'): RowResult {
  return { kind: 'defer', seconds, reason, detail };
}

/** The row waits for an operator: what it needs has no settings, or bad ones. */
export function notConfigured(detail: string): EffectResult {
  return { kind: 'not_configured', detail };
}

export function coolDown(cooldown: CooldownRequest): EffectResult {
  return { kind: 'rate_limited', cooldown };
}

/** An effect whose rows become dead letters when their payload breaks its contract. */
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
        return deadLetter(`the payload is not what this topic takes: ${payload.error.message}`);
      return run(payload.data, item, tools);
    },
  };
}
