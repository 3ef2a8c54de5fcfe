import { delay } from '../../local/process.ts';
import type { ChaosStack } from './chaos-stack.ts';
import type { Tally } from './payer.ts';
import type { World } from './people.ts';
import type { Random } from './random.ts';

const mostRounds = 60;
// so many rounds without any change, and what is left never ends
const idleRounds = 8;
// until then providers are asked; afterwards those that still say "under way" have had their three days
const patientRounds = 5;

interface Open {
  attempts: number;
  outbox: number;
  refunds: number;
  trips: number;
}

/** What has no end yet. */
async function openThings({ sql }: ChaosStack): Promise<Open> {
  const [open] = await sql<{ attempts: number; outbox: number; refunds: number; trips: number }>(`
    select
      (select count(*) from public.payment_attempts
       where status in ('created', 'pending') or recheck_at is not null)::int as attempts,
      (select count(*) from private.outbox where status in ('pending', 'leased'))::int as outbox,
      (select count(*) from public.refunds where status <> 'succeeded')::int as refunds,
      (select count(*) from public.bookings where ends_at < now() and status in ('confirmed', 'in_progress'))::int as trips`);
  return open ?? { attempts: 0, outbox: 0, refunds: 0, trips: 0 };
}

/** All time is over: holds, payments, attempts. */
async function endAllDeadlines({ sql }: ChaosStack): Promise<void> {
  await sql(`
    with over as (
      update public.bookings set hold_expires_at = now() - interval '1 second' where status = 'pending_payment' returning id
    ), slots as (
      update public.calendar_entries set expires_at = now() - interval '1 second' where booking_id in (select id from over) and kind = 'hold'
    )
    update public.payments set expires_at = now() - interval '1 second' where payable_id in (select id from over)`);
  await sql(`update public.payment_attempts set expires_at = clock_timestamp() where expires_at > now()`);
  await sql(`update public.payment_attempts set recheck_at = clock_timestamp() where recheck_at > now()`);
}

/** Gives everybody who waits for money an account that may be used. */
async function nameAccounts({ sql }: ChaosStack): Promise<void> {
  await sql(`
    do $do$
    declare
      v_payer_id uuid;
    begin
      for v_payer_id in
        select distinct r.payer_id from public.refunds r
        where r.status = 'awaiting_account' and r.payer_id is not null
          and not exists (select from public.bank_accounts b where b.user_id = r.payer_id and b.removed_at is null)
      loop
        perform tests.step_up(v_payer_id);
        perform set_config('request.jwt.claims', tests.claims(v_payer_id), true);
        perform public.set_bank_account('970436', '00112233' || lpad((random() * 9999)::int::text, 4, '1'), 'TEST PERSON', gen_random_uuid());
      end loop;
    end $do$`);
  await sql(`
    update public.bank_accounts set created_at = now() - interval '2 days', usable_from = now() - interval '1 day'
    where removed_at is null and usable_from > now()`);
}

/** An admin decides about money that fits nowhere: back, kept, or left for later. */
async function decideUnmatched({ sql }: ChaosStack, { adminId }: World, random: Random, tally: Tally) {
  const rows = await sql<{ id: string; payer_id: string | null; reason: string }>(
    `select id, payer_id, reason from private.unmatched_money where status = 'open' order by created_at, id`,
  );
  for (const { id, payer_id, reason } of rows) {
    const action = random.weighted([
      [payer_id === null ? 0 : 6, 'refund'],
      [2, 'keep'],
      [2, 'leave'],
    ]);
    tally.add(`unmatched ${reason}: ${action}`);
    if (action === 'leave') continue;
    await sql(
      `with admin as materialized (
         select set_config('request.jwt.claims', json_build_object('sub', $1::uuid, 'role', 'authenticated')::text, true)
       )
       select public.settle_unmatched_money($2, $3, gen_random_uuid(), null, 'decided in chaos') from admin`,
      [adminId, id, action],
    );
  }
}

/** An admin decides on objections and settles what no deadline settles; the jobs do the rest. */
async function endTrips(
  { sql }: ChaosStack,
  { adminId }: World,
  random: Random,
  tally: Tally,
): Promise<void> {
  const asAdmin = `with admin as materialized (
    select set_config('request.jwt.claims', json_build_object('sub', $1::uuid, 'role', 'authenticated')::text, true)
  )`;
  const contested = await sql<{ id: string }>(
    `select id from public.booking_inspections where status = 'contested' order by id`,
  );
  for (const { id } of contested) {
    const counts = random.chance(0.5);
    tally.add(`objection: ${counts ? 'overruled' : 'upheld'}`);
    await sql(`${asAdmin} select public.decide_inspection($2, $3, 'decided in chaos') from admin`, [
      adminId,
      id,
      counts,
    ]);
  }
  await sql('select private.count_due_inspections(10000)');
  await sql('select private.settle_unattended_trips(10000)');
  const left = await sql<{ id: string }>(
    `select id from public.bookings where ends_at < now() and status in ('confirmed', 'in_progress') order by id`,
  );
  for (const { id } of left) {
    tally.add('trips settled by an admin');
    await sql(`${asAdmin} select public.settle_trip($2, 'settled in chaos', gen_random_uuid()) from admin`, [
      adminId,
      id,
    ]);
  }
  // nobody claims
  await sql(`update public.bookings set claim_until = now() where claim_until > now()`);
  await sql('select private.return_due_deposits(10000)');
}

/** What a provider would not give back goes to the payer's bank account instead. */
async function retryRefunds({ sql }: ChaosStack, { adminId }: World, tally: Tally): Promise<void> {
  const retried = await sql<{ failure_code: string | null }>(
    `with admin as materialized (
       select set_config('request.jwt.claims', json_build_object('sub', $1::uuid, 'role', 'authenticated')::text, true)
     ), failed as materialized (
       select r.id, r.provider || ' ' || r.failure_code as failure_code from public.refunds r, admin
       where r.status = 'failed' and r.payer_id is not null
     )
     select failed.failure_code from failed cross join lateral public.retry_refund(failed.id, 'bank_transfer')`,
    [adminId],
  );
  for (const { failure_code } of retried) tally.add(`refund refused: ${failure_code}`);
}

/**
 * Lets the dust settle: moves every deadline, asks every provider, sends everything that is to leave, until
 * nothing is open or it is clear that something never ends. Answers what is left.
 */
export async function settle(stack: ChaosStack, world: World, random: Random, tally: Tally): Promise<Open> {
  const { sql } = stack;
  // whoever held leases is dead, so nobody needs to wait for them
  const killedAt = await stack.killFunctions();
  await delay(1_500);
  await sql(
    `update private.outbox set leased_until = now()
     where status = 'leased' and leased_until < to_timestamp($1::float8 / 1000) + interval '120.9 seconds'`,
    [killedAt],
  );
  await endAllDeadlines(stack);
  let open = await openThings(stack);
  let same = 0;
  for (let round = 1; round <= mostRounds; round += 1) {
    while ((await sql<{ count: number }>('select private.expire_overdue_payments() as count'))[0]?.count);
    if (round === patientRounds) {
      await sql(
        `update public.payment_attempts set expires_at = now() - interval '4 days' where status in ('created', 'pending')`,
      );
    }
    await sql(`select private.enqueue_reconciliations('0 seconds'), private.enqueue_feeds()`);
    if (round === patientRounds) await endTrips(stack, world, random, tally);
    if (round === patientRounds + 2) await decideUnmatched(stack, world, random, tally);
    await retryRefunds(stack, world, tally);
    await nameAccounts(stack);
    await sql(
      `update private.outbox set available_at = now() where status = 'pending' and available_at > now()`,
    );
    await Promise.all([stack.ringOutbox(), stack.ringOutbox(), stack.ringOutbox()]);
    const now = await openThings(stack);
    same = JSON.stringify(now) === JSON.stringify(open) ? same + 1 : 0;
    open = now;
    tally.add('rounds of settling');
    const done = open.attempts + open.outbox + open.refunds + open.trips === 0;
    if (round > patientRounds + 2 && (done || same > idleRounds)) break;
    await delay(300);
  }
  return open;
}
