import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { book, cancel, expireOverdue, makeListing, makePeople } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 1000');
  await world.sql.query(`
    create function tests.make_code(p_details jsonb)
    returns uuid
    language plpgsql volatile
    as $$
    declare
      v_id uuid;
    begin
      perform set_config('request.jwt.claims', tests.claims(tests.make_admin('admin')), true);
      v_id := private.create_discount('{"title": "A code", "scope": "rental", "percent_bps": 1000}'::jsonb || p_details, gen_random_uuid()) ->> 'id';
      perform set_config('request.jwt.claims', '', true);
      return v_id;
    end
    $$;
    -- 100,000 before a code that takes 10 %
    create function tests.quote_with(p_renter uuid, p_vehicle uuid, p_from numeric, p_code text)
    returns uuid
    language sql volatile
    as $$
      select (public.store_quote(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10), jsonb_build_object(
        'lines', '[{"code": "rental_hours", "quantity": 1, "unit_amount": 100000, "amount": 100000},
          {"code": "discount", "quantity": 1, "unit_amount": -10000, "amount": -10000}]'::jsonb,
        'total_amount', 90000, 'deposit_amount', 0, 'host_amount', 85000, 'platform_amount', 5000, 'tax_amount', 0,
        'discount_amount', 10000, 'version', 'test'),
        public.quote_facts(p_renter, p_vehicle, tests.hours(p_from), tests.hours(p_from + 10), '{}', p_code)) ->> 'id')::uuid
    $$;`);
});

afterAll(() => world?.close());

const makeCode = (details: object): Promise<string> => world.make('make_code', JSON.stringify(details));

/** Each of these people with a quote of the code for a vehicle of its own. */
async function quotesOf(people: string[], code: string, from = 100): Promise<Act[]> {
  const acts: Act[] = [];
  for (const person of people) {
    const { vehicle } = await makeListing(world, { security_deposit: 0 });
    acts.push(book(person, await world.make('quote_with', person, vehicle, from, code), randomUUID()));
  }
  return acts;
}

const usesOf = (discount: string): Promise<{ uses: number; live: number }> =>
  world.value(
    `select jsonb_build_object('uses', d.uses, 'live', (
       select count(*) from public.discount_redemptions r where r.discount_id = d.id and r.status <> 'released'))
     from public.discounts d where d.id = $1`,
    discount,
  );

describe('a code with a limit', () => {
  it('gives its last use to one of 64 people who book with it at once', async () => {
    const discount = await makeCode({ code: 'LAST-ONE', total_limit: 1 });
    const acts = await quotesOf(await makePeople(world, 64), 'last-one');
    const outcomes = await allAtOnce(acts);
    expect(surprises(outcomes, 'discount_used_up')).toEqual([]);
    expect(tally(outcomes)).toEqual({ ok: 1, discount_used_up: 63 });
    expect(await usesOf(discount)).toEqual({ uses: 1, live: 1 });
    // who was refused has no slot either
    expect(await world.value("select count(*)::int from public.calendar_entries where kind = 'hold'")).toBe(
      1,
    );
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is used once by one person who books with it on many devices at once', async () => {
    const discount = await makeCode({ code: 'ONE-EACH', total_limit: 50 });
    const [person = ''] = await makePeople(world, 1);
    await world.sql.query("update private.settings set value = '20' where key = 'max_open_bookings'");
    const acts = await quotesOf(Array(16).fill(person), 'one-each');
    const outcomes = await allAtOnce(acts);
    expect(tally(outcomes)).toEqual({ ok: 1, discount_already_used: 15 });
    expect(await usesOf(discount)).toEqual({ uses: 1, live: 1 });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('makes nobody two first bookings', async () => {
    await makeCode({ code: 'FIRST-A', first_only: true });
    await makeCode({ code: 'FIRST-B', first_only: true, total_limit: 100 });
    const [person = ''] = await makePeople(world, 1);
    const acts = [
      ...(await quotesOf(Array(6).fill(person), 'FIRST-A', 200)),
      ...(await quotesOf(Array(6).fill(person), 'FIRST-B', 300)),
    ];
    const outcomes = await allAtOnce(acts);
    expect(outcomes.filter(({ error }) => error === null)).toHaveLength(1);
    expect(surprises(outcomes, 'discount_first_only', 'discount_already_used')).toEqual([]);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('loses no use and gives none twice while people cancel, holds expire, money comes late and others book', async () => {
    const discount = await makeCode({ code: 'BUSY', total_limit: 8 });
    const people = await makePeople(world, 40);
    const holders = people.slice(0, 8);
    const first = await allAtOnce(await quotesOf(holders, 'BUSY', 400));
    expect(tally(first)).toEqual({ ok: 8 });
    const bookings = first.map(({ value }) => value as string);
    const late = bookings.slice(4);
    const references: string[] = [];
    for (const booking of late) references.push(await world.make('start_payment', booking, 'vietqr'));
    // a look at the code while all of it is used shows no way, so the quotes are made once the holds are over
    await world.sql.query(
      "update public.bookings set hold_expires_at = now() - interval '1 second' where id = any ($1)",
      [late],
    );
    await world.sql.query(
      "update public.payments set expires_at = now() - interval '1 second' where payable_id = any ($1)",
      [late],
    );
    const others = await quotesOf(people.slice(8), 'BUSY', 400);
    const outcomes = await allAtOnce([
      ...bookings.slice(0, 4).map((booking, i) => cancel(holders[i] ?? '', booking)),
      ...references.map((reference) => ({
        text: "tests.provider_says($1, 'succeeded', null, 'VND', 'tx-' || $1, $1)",
        args: [reference],
      })),
      ...others,
      expireOverdue,
      { text: 'private.release_overdue_discounts()' },
    ]);
    expect(surprises(outcomes, 'discount_used_up')).toEqual([]);
    const { uses, live } = await usesOf(discount);
    expect(live).toBeLessThanOrEqual(8);
    expect(uses).toBeLessThanOrEqual(8);
    expect(await invariantViolations(world)).toEqual([]);
    // whatever is left can be had
    const rest = await allAtOnce(await quotesOf(await makePeople(world, 8 - live), 'BUSY', 600));
    expect(tally(rest)).toEqual(live < 8 ? { ok: 8 - live } : {});
    expect((await usesOf(discount)).live).toBe(8);
  });
});

describe('a code for tickets', () => {
  it('gives its last use to one of 64 people who order with it at once, and the stock to no other', async () => {
    const owner = await world.make<string>('make_user', 'owner');
    const event = await world.make<string>('make_event', owner, '{"total": 100}');
    const kind = await world.make<string>('class_of', event);
    const organizer = await world.value<string>(
      'select organizer_id from public.events where id = $1',
      event,
    );
    const details = JSON.stringify({
      code: 'LAST-TICKET',
      title: 'The last',
      percent_bps: 1000,
      total_limit: 1,
    });
    const [made] = await allAtOnce([
      {
        user: owner,
        text: "private.create_organizer_discount($1, $2, gen_random_uuid()) ->> 'id'",
        args: [organizer, details],
      },
    ]);
    const discount = made?.value as string;
    const people = await makePeople(world, 64);
    const outcomes = await allAtOnce(
      people.map((user) => ({
        user,
        text: '(private.create_order($1, $2, gen_random_uuid(), null, null, null, $3)).id',
        args: [event, JSON.stringify([{ class_id: kind, quantity: 1 }]), 'last-ticket'],
      })),
    );
    expect(tally(outcomes)).toEqual({ ok: 1, discount_used_up: 63 });
    expect(await usesOf(discount)).toEqual({ uses: 1, live: 1 });
    const held = 'select sum(held)::int from private.stock_shards where pool_id = $1';
    expect(await world.value(held, kind)).toBe(1);
    expect(await invariantViolations(world)).toEqual([]);
  });
});
