import { z } from 'zod';
import { type OutboxItem, outboxItem } from '../_shared/contracts/outbox.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError } from '../_shared/errors.ts';
import { cooldownRequested, rateLimited } from '../_shared/payments/call.ts';
import { runAll, runInQueues } from '../_shared/queues.ts';
import { traceFor } from '../_shared/trace.ts';
import type { Cooldowns } from './cooldowns.ts';
import {
  coolDown,
  deadLetter,
  defer,
  type EffectResult,
  type EffectTools,
  notConfigured,
  type RowResult,
  retry,
} from './effect.ts';
import { effects } from './effects.ts';

export interface WorkReport {
  leased: number;
  done: number;
  failed: number;
  /** Whether another call would probably find rows at once. */
  more: boolean;
}

export type WorkDeps = Pick<
  Deps,
  'db' | 'providers' | 'transfers' | 'mailer' | 'sms' | 'push' | 'calendars' | 'webhooks' | 'now' | 'http'
>;

const effectOfTopic = new Map(effects.map((effect) => [effect.topic, effect]));

// Providers count calls per merchant, so the rows that call one provider run one after the other, in its queue. A
// provider that is slow or away delays no other, and neither does an endpoint of webhooks.
const callsProvider = ({ topic }: OutboxItem): boolean =>
  (effectOfTopic.get(topic)?.calls ?? 'nobody') !== 'nobody';
const queuePayload = z.union([
  z.looseObject({ queue: z.string() }).transform(({ queue }) => queue),
  z.looseObject({ provider: z.string() }).transform(({ provider }) => provider),
]);
const notConfiguredSeconds = 60;
const leaseSeconds = 120;
/** Rows of one call of the database. Events for servers of others are in a lane of their own: a rush of them delays no money. */
const lanes = [
  { worker: 'outbox', batch: 10 },
  { worker: 'webhooks', batch: 20 },
] as const;
// After this time, nothing new is leased or begun. The slowest effect makes two calls of half a minute, so a call
// of this function ends within 70 seconds, well before its leases end.
const budgetMs = 7_000;
const parallelEffects = 4;

async function perform(item: OutboxItem, query: EffectTools['query'], deps: WorkDeps): Promise<EffectResult> {
  const effect = effectOfTopic.get(item.topic);
  if (!effect) return deadLetter(`no effect is known for topic ${item.topic}`);
  const { providers, transfers, mailer, sms, push, calendars, webhooks, now } = deps;
  const service = deps.db.service(traceFor(item.correlation_id));
  try {
    return await effect.perform(item, {
      service,
      platform: deps.db,
      providers,
      transfers,
      mailer,
      sms,
      push,
      calendars,
      webhooks,
      now,
      query,
    });
  } catch (error) {
    const cooldown = cooldownRequested(error);
    if (cooldown) return coolDown(cooldown);
    const cause = error instanceof Error && error.cause !== undefined ? ` <- ${error.cause}` : '';
    if (error instanceof AppError && error.code === 'provider_not_configured')
      return notConfigured(`${item.topic} for ${queueOf(item)}${cause}`);
    return retry(`${error}${cause}`);
  }
}

async function settle(item: OutboxItem, result: RowResult, deps: WorkDeps): Promise<void> {
  const service = deps.db.service(traceFor(item.correlation_id));
  const lease = { id: item.id, lease_token: item.lease_token };
  const call = (name: string, args: Record<string, unknown>) =>
    service.call(name, { ...lease, ...args }, z.unknown());
  try {
    switch (result.kind) {
      case 'done':
        await call('complete_outbox', { provider_id: result.providerId, result: result.result });
        break;
      case 'defer': {
        const { seconds, reason, detail } = result;
        await call('defer_outbox', { seconds, reason, detail });
        break;
      }
      default: {
        const permanent = result.kind === 'dead_letter';
        await call('fail_outbox', { error: result.error.slice(0, 2000), permanent });
      }
    }
  } catch (error) {
    // another worker has the row now, or its lease ends: either way it is performed again
    const code = error instanceof AppError ? error.code : String(error);
    deps.http.log({ level: 'error', function: 'outbox', topic: item.topic, outbox_id: item.id, code });
  }
}

function queueOf(item: OutboxItem): string {
  return queuePayload.safeParse(item.payload).data ?? item.topic;
}

/**
 * Performs a row, unless something that it needs is cooling down: its queue, the queries of its queue (money is sent
 * meanwhile), or settings that were missing a moment ago. A deferred row counts no attempt, because it has not
 * failed. The rows behind a cooldown get their turns in the order in which they came. The row that was refused comes
 * after the first of them: otherwise a provider that refuses only this query would get no other.
 */
async function performInQueue(item: OutboxItem, cooldowns: Cooldowns, deps: WorkDeps): Promise<RowResult> {
  const queue = queueOf(item);
  const queries = `queries to ${queue}`;
  const settings = `settings for ${item.topic} by ${queue}`;
  const coolingDown = (key: string): RowResult =>
    defer(cooldowns.nextTurn(key), `its queue, ${key}, is cooling down`, 'rate_limited');
  if (cooldowns.remaining(settings) > 0) {
    return defer(cooldowns.nextTurn(settings), settings, 'not_configured');
  }
  let isQuery = effectOfTopic.get(item.topic)?.calls === 'queries';
  let notAsked = false;
  const cooling = [queue, ...(isQuery ? [queries] : [])].find((key) => cooldowns.remaining(key) > 0);
  if (cooling) return coolingDown(cooling);
  const query: EffectTools['query'] = async (call) => {
    isQuery = true;
    const seconds = cooldowns.remaining(queries);
    notAsked = seconds > 0;
    if (notAsked) throw rateLimited(queue, 'others were refused', { seconds, queriesOnly: true });
    return call();
  };
  const result = await perform(item, query, deps);
  // the provider was not asked, so the row takes its turn among those that wait; otherwise it would always be last
  if (notAsked) return coolingDown(queries);
  if (result.kind === 'not_configured') {
    const seconds = cooldowns.refused(settings, notConfiguredSeconds) + 1;
    return defer(seconds, result.detail, 'not_configured');
  }
  if (result.kind === 'rate_limited') {
    const { queriesOnly, seconds, reason } = result.cooldown;
    return defer(cooldowns.refused(queriesOnly ? queries : queue, seconds) + 1, reason, 'rate_limited');
  }
  cooldowns.answered(queue);
  cooldowns.answered(settings);
  if (isQuery) cooldowns.answered(queries);
  return result;
}

/** The part of a log line that says what happened to a row. */
function logged(result: RowResult): Record<string, unknown> {
  switch (result.kind) {
    case 'done':
      return { level: 'info', outcome: 'done' };
    case 'defer':
      return { level: 'info', outcome: result.reason, reason: result.detail };
    default:
      return {
        level: result.kind === 'dead_letter' ? 'error' : 'warn',
        outcome: result.kind,
        reason: result.error,
      };
  }
}

/** Leases and performs rows of the outbox until there are none or the time is up. */
export async function workOutbox(deps: WorkDeps, cooldowns: Cooldowns): Promise<WorkReport> {
  const deadline = deps.now() + budgetMs;
  const report: WorkReport = { leased: 0, done: 0, failed: 0, more: false };
  const leaseRows = z.array(outboxItem);

  const handleItem = async (item: OutboxItem): Promise<void> => {
    const startedAt = deps.now();
    // a row that was not begun has not failed, so it is deferred and counts no attempt
    const result: RowResult =
      startedAt < deadline
        ? await performInQueue(item, cooldowns, deps)
        : defer(1, 'the worker ran out of time before this row', 'no_turn');
    await settle(item, result, deps);
    if (result.kind === 'done') report.done += 1;
    else if (result.kind !== 'defer') report.failed += 1;
    const facts = { function: 'outbox', topic: item.topic, outbox_id: item.id, attempts: item.attempts };
    const timing = { ms: deps.now() - startedAt, correlation_id: item.correlation_id };
    deps.http.log({ ...facts, ...logged(result), ...timing });
  };

  /** Answers whether another call would probably find rows of the lane at once. */
  const workLane = async ({ worker, batch }: (typeof lanes)[number]): Promise<boolean> => {
    while (deps.now() < deadline) {
      const items = await deps.db
        .service(traceFor(null))
        .call('lease_outbox', { batch, lease_seconds: leaseSeconds, worker }, leaseRows);
      report.leased += items.length;
      const calling = items.filter(callsProvider);
      const free = items.filter((item) => !callsProvider(item));
      await Promise.all([
        runAll(free, parallelEffects, handleItem),
        runInQueues(calling, queueOf, handleItem),
      ]);
      if (items.length < batch) return false;
    }
    return true;
  };
  report.more = (await Promise.all(lanes.map(workLane))).includes(true);
  return report;
}
