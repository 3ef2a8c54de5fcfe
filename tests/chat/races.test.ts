import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancel, farAway, hours, makePeople, providerSays } from '../support/acts.ts';
import { type Act, allAtOnce, invariantViolations, openWorld, tally, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

const openDirect = (user: string, other: string): Act => ({
  user,
  text: '(private.open_direct_conversation($1)).id',
  args: [other],
});
const send = (user: string, conversation: string, body: string, key: string = randomUUID()): Act => ({
  user,
  text: '(private.send_message($1, $2, $3)).seq',
  args: [conversation, body, key],
});

/** A group in which everybody takes part. */
async function makeGroup(people: string[]): Promise<string> {
  const [first = '', ...others] = people;
  const made = await allAtOnce([
    {
      user: first,
      text: "(private.create_group('Crew', $1::uuid[], gen_random_uuid())).id",
      args: [`{${others.join(',')}}`],
    },
  ]);
  const group = String(made[0]?.value);
  const answers = await allAtOnce(
    others.map((user) => ({ user, text: 'private.answer_request($1, true)', args: [group] })),
  );
  expect(tally(answers)).toEqual({ ok: others.length });
  return group;
}

describe('chat', () => {
  it('makes one conversation when both people open it at once', async () => {
    for (let round = 0; round < 8; round += 1) {
      const [one = '', two = ''] = await makePeople(world, 2);
      const opened = await allAtOnce([openDirect(one, two), openDirect(two, one), openDirect(one, two)]);
      expect(tally(opened)).toEqual({ ok: 3 });
      expect(new Set(opened.map(({ value }) => value)).size).toBe(1);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('numbers messages without gaps when everybody in a group writes at once, some of them twice', async () => {
    const people = await makePeople(world, 6);
    const group = await makeGroup(people);
    const acts = people.flatMap((user, person) =>
      Array.from({ length: 8 }, (_, i) => send(user, group, `${person} ${i}`)),
    );
    const again = acts.slice(0, 12);
    const outcomes = await allAtOnce([...acts, ...again]);
    expect(tally(outcomes)).toEqual({ ok: 60 });
    const numbers = outcomes.slice(0, 48).map(({ value }) => Number(value));
    expect(new Set(numbers).size).toBe(48);
    // a repeat is answered with the number of the first
    expect(outcomes.slice(48).map(({ value }) => Number(value))).toEqual(numbers.slice(0, 12));
    const { rows } = await world.sql.query<{ messages: number; highest: string }>(
      'select count(*)::int as messages, max(seq) as highest from public.messages where conversation_id = $1',
      [group],
    );
    // one of the group's beginning, and one for each who joined
    expect(rows[0]).toEqual({ messages: 54, highest: '54' });
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('never leaves a group without an admin when two admins leave at once', async () => {
    for (let round = 0; round < 6; round += 1) {
      const people = await makePeople(world, 3);
      const [first = '', second = ''] = people;
      const group = await makeGroup(people);
      const act = (user: string, text: string, ...args: unknown[]): Act => ({
        user,
        text,
        args: [group, ...args],
      });
      await allAtOnce([act(first, "private.set_member_role($1, $2, 'admin')", second)]);
      const left = await allAtOnce([
        act(first, 'private.leave_conversation($1)'),
        act(second, 'private.leave_conversation($1)'),
      ]);
      expect(tally(left)).toEqual({ ok: 1, last_group_admin: 1 });
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('does not deadlock when bookings speak while their people write, pay and cancel', async () => {
    await world.sql.query("update private.settings set value = '20' where key = 'max_open_bookings'");
    for (let round = 0; round < 3; round += 1) {
      const people = await makePeople(world, 2);
      const [one = '', two = ''] = people;
      const vehicles = [
        await world.make('make_vehicle', one, JSON.stringify(farAway)),
        await world.make('make_vehicle', two, JSON.stringify(farAway)),
      ] as const;
      const paid: Act[] = [];
      const cancelled: Act[] = [];
      for (let i = 0; i < 8; i += 1) {
        const renter = people[(i + 1) % 2] as string;
        const from = await hours(world, 48 + i * 3);
        const to = await hours(world, 50 + i * 3);
        const booking = await world.make<string>('make_booking', renter, vehicles[i % 2], from, to);
        const reference = await world.make<string>('start_payment', booking);
        if (i % 4 === 0) cancelled.push(cancel(renter, booking));
        paid.push(providerSays(reference));
      }
      const [first] = await allAtOnce(paid.slice(0, 2));
      expect(first?.error).toBeNull();
      const thread = await world.value<string>(
        'select id from public.conversations where first_user_id = least($1::uuid, $2::uuid) and second_user_id = greatest($1::uuid, $2::uuid)',
        one,
        two,
      );
      const written = people.flatMap((user) =>
        Array.from({ length: 4 }, (_, i) => send(user, thread, `${i}`)),
      );
      const outcomes = await allAtOnce([...paid.slice(2), ...written, ...cancelled]);
      expect(Object.keys(tally(outcomes)).filter((code) => /deadlock|40P01|40001/.test(code))).toEqual([]);
      expect(outcomes.slice(6, 14).every(({ error }) => error === null)).toBe(true);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('takes inboxes before the conversation, although a booking moves before its people are notified', async () => {
    const [renter = '', host = ''] = await makePeople(world, 2);
    const vehicle = await world.make('make_vehicle', host, JSON.stringify(farAway));
    const booking = await world.make(
      'make_booking',
      renter,
      vehicle,
      await hours(world, 100),
      await hours(world, 102),
    );
    const reference = await world.make<string>('start_payment', booking);
    await world.sql.query(`
      create table tests.taken (id bigint generated always as identity, what text);
      create function tests.note_taken() returns trigger language plpgsql security definer as $$
      begin
        insert into tests.taken (what) values (tg_table_name);
        return null;
      end $$;
      create trigger note_taken after update on private.inboxes for each statement execute function tests.note_taken();
      create trigger note_taken after insert on public.conversations for each statement execute function tests.note_taken();`);
    const [paid] = await allAtOnce([providerSays(reference)]);
    expect(paid?.error).toBeNull();
    const { rows } = await world.sql.query<{ what: string }>('select what from tests.taken order by id');
    expect(rows.map(({ what }) => what)).toEqual(['inboxes', 'inboxes', 'conversations']);
  });
});
