import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Act,
  addAccounts,
  addEarnings,
  allAtOnce,
  invariantViolations,
  openWorld,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let admin: string;

beforeAll(async () => {
  world = await openWorld();
  await addAccounts(world);
  admin = await world.make('make_admin', 'admin');
  await addEarnings(world);
  await world.sql.query(`
    -- a payout that was called back, and paid by hand all the same, beside the one that took its place
    create function tests.owe(p_host uuid, p_amount bigint, p_admin uuid)
    returns void
    language plpgsql volatile
    as $$
    declare
      v_payout uuid;
      v_first uuid;
      v_batch uuid;
    begin
      perform tests.earn(p_host, p_amount);
      perform set_config('request.jwt.claims', json_build_object('sub', p_admin, 'role', 'authenticated')::text, true);
      for i in 1..2 loop
        insert into public.payout_batches (payouts, total, currency) values (1, p_amount, 'VND') returning id into v_batch;
        perform private.schedule_payout(a.id, 1, v_batch) from private.ledger_accounts a where a.kind = 'host_payable' and a.owner = p_host::text;
        select id into strict v_payout from public.payouts where batch_id = v_batch;
        if i = 1 then
          v_first := v_payout;
          perform public.cancel_payout(v_first);
        end if;
      end loop;
      -- what payouts set aside is looked at now, before the second transfer takes the balance below zero
      set constraints all immediate;
      set constraints all deferred;
      perform public.freeze_payout(v_payout, 'sent by hand');
      perform public.record_manual_payout(v_payout, 'FT ' || v_payout), public.record_manual_payout(v_first, 'FT ' || v_first);
      perform set_config('request.jwt.claims', '', true);
    end
    $$;
    grant usage on schema tests to service_role`);
});

afterAll(async () => {
  await world?.close();
});

/** More than the hosts of earlier tests have left, so that only new hosts are paid. */
const much = 900_000_000;
const schedule: Act = { text: `private.schedule_payouts(${much})::text` };

async function makeHost(...earned: number[]): Promise<string> {
  const host = await world.make('make_user', 'host');
  await world.make('set_account', host);
  for (const amount of earned) {
    if (amount < 0) await world.make('owe', host, -amount, admin);
    else await world.make('earn', host, amount);
  }
  return host;
}

const approve = (batch: string): Act => ({
  user: admin,
  text: '(public.approve_payout_batch($1)).status',
  args: [batch],
});

/** A payout of a new host, with its batch. */
async function makePayout(approved = true): Promise<{ host: string; payout: string; batch: string }> {
  const host = await makeHost(much);
  const batch = await world.value<string>(`private.schedule_payouts(${much})`);
  if (approved) await allAtOnce([approve(batch)]);
  const payout = await world.value<string>('select id from public.payouts where user_id = $1', host);
  return { host, payout, batch };
}

const statusOf = (payout: string) =>
  world.value<string>('select status from public.payouts where id = $1', payout);

/** Payouts that are still to be sent though something stands against them. */
const forbidden = () =>
  world.value<number>(
    `select count(*)::int from public.payouts o join public.bank_accounts b on b.id = o.bank_account_id
     where o.status in ('scheduled', 'approved') and (b.removed_at is not null or private.payout_has_frozen_money(o.id))`,
  );

describe('scheduling', () => {
  it('pays each entry once, however many schedule at once', async () => {
    const hosts: string[] = [];
    for (const earned of [[much, 6000, 7001], [-7000, much], [much], [-6000, much]])
      hosts.push(await makeHost(...earned));
    const outcomes = await allAtOnce(Array.from({ length: 12 }, () => schedule));
    expect(tally(outcomes)).toEqual({ ok: 12 });
    const { rows } = await world.sql.query<{ amount: string }>(
      'select amount from public.payouts where user_id = any ($1) order by amount',
      [hosts],
    );
    // what is owed by a host takes the second and the fourth below the minimum
    expect(rows.map((row) => Number(row.amount))).toEqual([6000, 6000, 7000, 7000, much, much + 13001]);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('never lets a freeze slip past a payout that is being made', async () => {
    for (let round = 0; round < 6; round += 1) {
      const host = await makeHost(much);
      const booking = await world.make('earn', host, 10_000);
      const freeze: Act = {
        user: admin,
        text: "public.freeze_payable($1, 'why')::text",
        args: [booking],
      };
      const outcomes = await allAtOnce([schedule, freeze, schedule, freeze]);
      expect(tally(outcomes)).toEqual({ ok: 4 });
      const payout = await world.value<{ status: string; amount: string }>(
        'select to_jsonb(o) from public.payouts o where user_id = $1',
        host,
      );
      // either without the booking's money, or frozen
      expect([payout.status, Number(payout.amount)]).toEqual(
        payout.status === 'frozen' ? ['frozen', much + 10_000] : ['scheduled', much],
      );
      expect(await forbidden()).toBe(0);
    }
  });

  it('never pays to an account that was replaced or removed meanwhile, and never deadlocks', async () => {
    for (let round = 0; round < 6; round += 1) {
      const hosts = [await makeHost(much), await makeHost(much)];
      const changes = hosts.flatMap((host): Act[] => [
        {
          user: host,
          text: "(private.set_bank_account('970422', '9999888877', 'Nguyen Van A', $1)).id",
          args: [randomUUID()],
        },
        { user: host, text: '(public.remove_bank_account()).id' },
      ]);
      const before = await allAtOnce([schedule, ...changes, schedule]);
      const refused = before.flatMap(({ error }) => error ?? []);
      expect(refused.filter((code) => code !== 'bank_account_not_found')).toEqual([]);
      expect(await forbidden()).toBe(0);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });
});

describe('sending', () => {
  it('lets one of sending, holding, cancelling and removing the account come first', async () => {
    const ends = new Set<string>();
    for (let round = 0; round < 8; round += 1) {
      const { host, payout } = await makePayout();
      const send: Act = { text: "public.payout_to_send($1) ->> 'request_key'", args: [payout] };
      const outcomes = await allAtOnce([
        send,
        { user: admin, text: "(public.freeze_payout($1, 'why')).status", args: [payout] },
        { user: admin, text: '(public.cancel_payout($1)).status', args: [payout] },
        { user: host, text: '(public.remove_bank_account()).id' },
        send,
      ]);
      expect(outcomes.flatMap(({ error }) => error ?? []).filter((e) => e !== 'illegal_transition')).toEqual(
        [],
      );
      const status = await statusOf(payout);
      ends.add(status);
      // an account number that was handed out means that nothing else has happened, nor can
      const handedOut = [outcomes[0], outcomes[4]].some((outcome) => outcome?.value);
      expect(handedOut).toBe(status === 'processing');
    }
    expect([...ends].every((status) => ['processing', 'frozen', 'cancelled'].includes(status))).toBe(true);
  });

  it('records a success once, whoever else reports', async () => {
    const { host, payout } = await makePayout();
    await world.value('public.payout_to_send($1)', payout);
    const report = (outcome: string): Act => ({
      text: "(public.record_payout_result($1, $2, 'px ' || $1::uuid, 'why')).status",
      args: [payout, outcome],
    });
    const outcomes = await allAtOnce([
      ...Array.from({ length: 6 }, () => report('succeeded')),
      ...Array.from({ length: 3 }, () => report('failed')),
    ]);
    expect(tally(outcomes)).toEqual({ ok: 9 });
    expect(await statusOf(payout)).toBe('paid');
    expect(
      await world.value(
        "select count(*)::int from private.ledger_transactions where event = 'payout_paid' and reference = $1",
        payout,
      ),
    ).toBe(1);
    expect(await world.value<string>("private.balance('host_payable', $1)", host)).toBe('0');
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('approves a batch once', async () => {
    const { payout, batch } = await makePayout(false);
    expect(tally(await allAtOnce(Array.from({ length: 6 }, () => approve(batch))))).toEqual({ ok: 6 });
    expect(
      await world.value(
        "select count(*)::int from private.outbox where topic = 'payout' and payload ->> 'payout_id' = $1",
        payout,
      ),
    ).toBe(1);
  });
});
