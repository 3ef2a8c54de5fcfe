import { z } from 'zod';
import { type OutboxItem, outboxItem } from '../_shared/contracts/outbox.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError } from '../_shared/errors.ts';
import { drain, inLanes } from '../_shared/lanes.ts';
import { cooldownRequested, rateLimited } from '../_shared/payments/call.ts';
import { traceFor } from '../_shared/trace.ts';
import type { Cooldowns } from './cooldowns.ts';
import {
  coolDown,
  type EffectResult,
  type EffectTools,
  later,
  never,
  putOff,
  type RowResult,
  waitForSettings,
} from './effect.ts';
import { effects } from './effects.ts';

export interface WorkReport {
  leased: number;
  done: number;
  failed: number;
  /** Whether another call would probably find rows at once. */
  more: boolean;
}

export type WorkDeps = Pick<Deps, 'db' | 'providers' | 'transfers' | 'mailer' | 'now' | 'http'>;

const effectOfTopic = new Map(effects.map((effect) => [effect.topic, effect]));

// Providers count calls per merchant, so what calls one of them goes one after the other; one that is slow or
// away keeps nobody else waiting.
const callsProvider = ({ topic }: OutboxItem): boolean =>
  (effectOfTopic.get(topic)?.calls ?? 'nobody') !== 'nobody';
const lanePayload = z.looseObject({ provider: z.string() });
const notConfiguredSeconds = 60;
const leaseSeconds = 120;
const batchSize = 10;
// After this, nothing new is leased or begun. The slowest effect makes two calls of half a minute, so a call of
// this function ends within seventy, well before its leases do.
const budgetMs = 7_000;
const parallelEffects = 4;

async function perform(item: OutboxItem, ask: EffectTools['ask'], deps: WorkDeps): Promise<EffectResult> {
  const effect = effectOfTopic.get(item.topic);
  if (!effect) return never(`no effect is known for topic ${item.topic}`);
  const { providers, transfers, mailer, now } = deps;
  const service = deps.db.service(traceFor(item.correlation_id));
  try {
    return await effect.perform(item, { service, providers, transfers, mailer, now, ask });
  } catch (error) {
    const cooldown = cooldownRequested(error);
    if (cooldown) return coolDown(cooldown);
    const cause = error instanceof Error && error.cause !== undefined ? ` <- ${error.cause}` : '';
    if (error instanceof AppError && error.code === 'provider_not_configured')
      return waitForSettings(`${item.topic} for ${laneOf(item)}${cause}`);
    return later(`${error}${cause}`);
  }
}

async function settle(item: OutboxItem, result: RowResult, deps: WorkDeps): Promise<void> {
  const service = deps.db.service(traceFor(item.correlation_id));
  const lease = { id: item.id, lease_token: item.lease_token };
  try {
    if (result.done) {
      const { providerId, result: facts } = result;
      await service.call(
        'complete_outbox',
        { ...lease, provider_id: providerId, result: facts },
        z.unknown(),
      );
    } else if ('waitSeconds' in result) {
      const { why, reason: detail, waitSeconds: seconds } = result;
      await service.call('defer_outbox', { ...lease, seconds, reason: why, detail }, z.unknown());
    } else {
      const { reason, permanent } = result;
      await service.call('fail_outbox', { ...lease, error: reason.slice(0, 2000), permanent }, z.unknown());
    }
  } catch (error) {
    // another worker has it now, or the lease ends by itself: either way it is performed again
    const code = error instanceof AppError ? error.code : String(error);
    deps.http.log({ level: 'error', function: 'outbox', topic: item.topic, outbox_id: item.id, code });
  }
}

function laneOf(item: OutboxItem): string {
  return lanePayload.safeParse(item.payload).data?.provider ?? item.topic;
}

/**
 * Performs a row, unless its lane is to be left alone, or questions in it (money is sent while those wait), or what it
 * needs had no settings a moment ago. Waiting counts no attempt: it is no failure of the row. Those behind it get their
 * turns in the order in which they came; the refused one goes behind the first of them, lest a provider that minds that
 * one question only were asked no other.
 */
async function performInLane(item: OutboxItem, cooldowns: Cooldowns, deps: WorkDeps): Promise<RowResult> {
  const lane = laneOf(item);
  const questions = `questions to ${lane}`;
  const settings = `settings for ${item.topic} by ${lane}`;
  if (cooldowns.left(settings) > 0) return putOff(cooldowns.turn(settings), 'not_configured', settings);
  let asks = effectOfTopic.get(item.topic)?.calls === 'questions';
  let behind = false;
  const paused = [lane, ...(asks ? [questions] : [])].find((one) => cooldowns.left(one) > 0);
  if (paused) return putOff(cooldowns.turn(paused), 'rate_limited', `its lane, ${paused}, waits`);
  const ask: EffectTools['ask'] = async (question) => {
    asks = true;
    const seconds = cooldowns.left(questions);
    behind = seconds > 0;
    if (behind) throw rateLimited(lane, 'others were refused', { seconds, questionsOnly: true });
    return question();
  };
  const result = await perform(item, ask, deps);
  // not asked at all, it has its turn among those that wait, or it would be last each time
  if (behind) return putOff(cooldowns.turn(questions), 'rate_limited', `its lane, ${questions}, waits`);
  if ('withoutSettings' in result) {
    return putOff(cooldowns.refused(settings, notConfiguredSeconds) + 1, 'not_configured', result.reason);
  }
  if ('pauseSeconds' in result) {
    const refused = result.questionsOnly ? questions : lane;
    return putOff(cooldowns.refused(refused, result.pauseSeconds) + 1, 'rate_limited', result.reason);
  }
  cooldowns.answered(lane);
  cooldowns.answered(settings);
  if (asks) cooldowns.answered(questions);
  return result;
}

/** Leases and performs rows of the outbox until there are none or the time is up. */
export async function workOutbox(deps: WorkDeps, cooldowns: Cooldowns): Promise<WorkReport> {
  const deadline = deps.now() + budgetMs;
  const report: WorkReport = { leased: 0, done: 0, failed: 0, more: false };
  const leaseRows = z.array(outboxItem);

  const handleItem = async (item: OutboxItem): Promise<void> => {
    const startedAt = deps.now();
    // one that was not begun has not failed: waiting counts no attempt
    const result: RowResult =
      startedAt < deadline
        ? await performInLane(item, cooldowns, deps)
        : putOff(1, 'no_turn', 'the worker ran out of time before this row');
    await settle(item, result, deps);
    if (result.done) report.done += 1;
    else if (!('waitSeconds' in result)) report.failed += 1;
    const facts = { function: 'outbox', topic: item.topic, outbox_id: item.id, attempts: item.attempts };
    const timing = { ms: deps.now() - startedAt, correlation_id: item.correlation_id };
    if (result.done) {
      deps.http.log({ level: 'info', ...facts, outcome: 'done', ...timing });
    } else if ('waitSeconds' in result) {
      deps.http.log({ level: 'info', ...facts, outcome: result.why, reason: result.reason, ...timing });
    } else {
      const [level, outcome] = result.permanent ? ['error', 'dead'] : ['warn', 'later'];
      deps.http.log({ level, ...facts, outcome, reason: result.reason, ...timing });
    }
  };

  while (deps.now() < deadline) {
    const items = await deps.db
      .service(traceFor(null))
      .call('lease_outbox', { batch: batchSize, lease_seconds: leaseSeconds }, leaseRows);
    report.leased += items.length;
    report.more = items.length === batchSize;
    const asking = items.filter(callsProvider);
    const free = items.filter((item) => !callsProvider(item));
    await Promise.all([drain(free, parallelEffects, handleItem), inLanes(asking, laneOf, handleItem)]);
    if (!report.more) break;
  }
  return report;
}
