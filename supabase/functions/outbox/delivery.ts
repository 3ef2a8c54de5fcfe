import { z } from 'zod';
import { deliveryPayload, deliveryToSend } from '../_shared/contracts/outbox.ts';
import type { DeferredReason, EffectTools } from './effect.ts';
import {
  deadLetter,
  defer,
  done,
  type Effect,
  type EffectResult,
  effectOf,
  notConfigured,
  retry,
} from './effect.ts';

/** What became of one try to hand a message to a provider. */
export type Sent =
  | { kind: 'sent'; provider: string; id: string | null; result?: Record<string, unknown> }
  /** Sending the same again cannot help. */
  | { kind: 'refused'; reason: string }
  /** The same, of one address or device: no matter for an operator. */
  | { kind: 'failed'; provider: string; reason: string }
  /** Nothing failed; the row waits so many seconds. */
  | { kind: 'wait'; seconds: number; why: DeferredReason; reason: string }
  | { kind: 'retry'; reason: string };

/** One channel of deliveries. */
export interface Transport<M extends z.ZodType, T extends z.ZodType> {
  channel: 'email' | 'push' | 'sms';
  message: M;
  target: T;
  /** Why nothing can be sent now; it names the variables. */
  problem(tools: EffectTools): string | undefined;
  /** The key is the same whenever the same delivery is sent again. */
  send(message: z.infer<M>, target: z.infer<T>, key: string, tools: EffectTools): Promise<Sent>;
}

/** What `delivery_to_send` answers. */
type Decision<M, T> =
  | { action: 'send'; message: M; target: T }
  | { action: 'wait'; until: string; reason: string }
  | { action: 'drop'; status: string; reason: string | null }
  | null;

// defer_outbox takes at most a day; the decision is asked for again then
const longestWait = 86_400;

/**
 * The effect of a channel. The database decides whether the delivery is sent, when it is sent: meanwhile it may have been
 * read, or its person may have left.
 */
export function deliveryEffect<M extends z.ZodType, T extends z.ZodType>(transport: Transport<M, T>): Effect {
  const schema = deliveryToSend(transport.message, transport.target) as z.ZodType<
    Decision<z.infer<M>, z.infer<T>>
  >;
  return effectOf(transport.channel, 'nobody', deliveryPayload, async ({ delivery_id }, _item, tools) => {
    const problem = transport.problem(tools);
    if (problem !== undefined) return notConfigured(problem);
    const decision = await tools.service.call('delivery_to_send', { delivery_id }, schema);
    if (decision === null) return done(null, { skipped: 'the person is gone' });
    if (decision.action === 'drop') return done(null, { skipped: decision.reason ?? decision.status });
    if (decision.action === 'wait') {
      const seconds = Math.ceil((Date.parse(decision.until) - tools.now()) / 1000);
      return defer(Math.min(Math.max(seconds, 1), longestWait), decision.reason);
    }
    const sent = await transport.send(
      decision.message,
      decision.target,
      `${transport.channel}:${delivery_id}`,
      tools,
    );
    return settled(sent, delivery_id, tools);
  });
}

async function settled(sent: Sent, delivery_id: string, { service }: EffectTools): Promise<EffectResult> {
  if (sent.kind === 'retry') return retry(sent.reason);
  // the dead letter makes the delivery one that failed
  if (sent.kind === 'refused') return deadLetter(sent.reason);
  if (sent.kind === 'wait') return defer(sent.seconds, sent.reason, sent.why);
  if (sent.kind === 'failed') {
    const failed = { delivery_id, provider: sent.provider, detail: sent.reason };
    await service.call('delivery_failed', failed, z.null().optional());
    return done(null, { failed: sent.reason });
  }
  const { provider, id: provider_id } = sent;
  await service.call('delivery_sent', { delivery_id, provider, provider_id }, z.null().optional());
  return done(provider_id, sent.result);
}
