import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyShuffle } from '../../sdk/src/index.ts';
import { makePeople } from '../support/acts.ts';
import { connect, openWorld, type World } from '../support/sql.ts';
import { type Actor, addOrders, crowd, openEvent, sampling } from './crowd.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
  await addOrders(world);
});

afterAll(() => world?.close());

interface Place {
  status: string;
  number: string | null;
  admission_id: string | null;
}

const join = '(select to_jsonb(j) from public.join_queue($1) j)';
const look = '(select to_jsonb(s) from public.queue_status($1) s)';
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Entry {
  id: string;
  user_id: string;
  status: string;
  end_reason: string | null;
  number: number | null;
  shuffle_number: number | null;
  admission_round: number | null;
}

async function entries(event: string): Promise<Entry[]> {
  const { rows } = await world.sql.query<Entry>(
    `select id, user_id, status, end_reason, number::int, shuffle_number::int, admission_round::int
     from public.queue_entries where event_id = $1 order by number`,
    [event],
  );
  return rows;
}

/** What is wrong with queues and their log. Orders are written as rows here, so that only the queue is measured. */
async function brokenQueues(): Promise<unknown[]> {
  const { rows } = await world.sql.query(
    "select * from private.check_invariants() where invariant ~ '^(queue|state)_'",
  );
  return rows;
}

/** Fails at the first sample in which more people could buy than the room has slots. */
const neverMoreThan =
  (event: string, capacity: number) => async (client: Awaited<ReturnType<typeof connect>>) => {
    const { rows } = await client.query<{ taken: number; admitted: number }>(
      `select (select count(entry_id)::int from private.checkout_slots where event_id = $1) as taken,
       (select count(*)::int from public.queue_entries where event_id = $1 and status = 'admitted') as admitted`,
      [event],
    );
    expect(rows[0]?.taken).toBeLessThanOrEqual(capacity);
    // an order that was paid ends the place before its slot is given on, in one transaction
    expect(rows[0]?.admitted).toBeLessThanOrEqual(capacity);
  };

describe('a waiting room', () => {
  it('numbers 400 people who join at once over 64 connections, each once, and admits the lowest numbers', async () => {
    const event = await openEvent(world, { tickets: 1000, capacity: 20 });
    const people = await makePeople(world, 400);
    const joined: (string | null)[] = [];
    // some press twice, on two devices
    const presses = people.flatMap((user, i) => (i % 4 === 0 ? [user, user] : [user]));
    const racing = crowd(64, presses, async (actor, user) => {
      joined.push((await actor.act(user, join, event)).error);
    });
    await sampling(neverMoreThan(event, 20), racing);
    expect(joined.filter((error) => error !== null)).toEqual([]);
    const places = await entries(event);
    expect(places).toHaveLength(400);
    expect(new Set(places.map(({ number }) => number)).size).toBe(400);
    // rounds take ascending numbers; who was late to commit is in a later round than a higher number at most
    expect(places.filter(({ status }) => status === 'admitted')).toHaveLength(20);
    expect(await brokenQueues()).toEqual([]);
  });

  it('never lets more people buy than it has slots, and serves a crowd that buys, fails, leaves and falls silent', async () => {
    const capacity = 8;
    const event = await openEvent(world, { tickets: 1000, capacity });
    const people = await makePeople(world, 320);
    const surprises: string[] = [];
    const note = (error: string | null, ...expected: string[]) => {
      if (error !== null && !expected.includes(error)) surprises.push(error);
    };
    const story = async (actor: Actor, [i, user]: [number, string]): Promise<void> => {
      note((await actor.act(user, join, event)).error);
      if (i % 16 === 5) note((await actor.act(user, 'public.leave_queue($1)', event)).error);
      if (i % 16 === 9) {
        // gone without a word while waiting
        await world.sql.query(
          "update public.queue_entries set seen_at = now() - interval '1 hour' where event_id = $1 and user_id = $2",
          [event, user],
        );
        return;
      }
      for (;;) {
        const { value, error } = await actor.act(user, look, event);
        note(error);
        const place = value as Place;
        if (place.status === 'admitted') {
          if (i % 16 === 3) {
            // admitted, and gone without a word
            await world.sql.query(
              "update public.queue_entries set seen_at = now() - interval '1 hour' where event_id = $1 and user_id = $2",
              [event, user],
            );
            await world.sql.query(
              'update public.waiting_rooms set due_at = least(due_at, now()) where event_id = $1',
              [event],
            );
            return;
          }
          if (i % 16 === 7) {
            note((await actor.act(user, 'public.leave_queue($1)', event)).error);
            return;
          }
          const bought = await actor.act(user, 'tests.buy($1, $2, $3)', user, event, place.admission_id);
          note(bought.error);
          const end = i % 16 === 11 ? 'failed' : i % 16 === 13 ? 'expired' : 'completed';
          note((await actor.act(user, 'tests.end_order($1, $2)', bought.value, end)).error);
          return;
        }
        if (place.status !== 'waiting') return;
        await pause(60);
      }
    };
    const racing = crowd(
      64,
      people.map((user, i): [number, string] => [i, user]),
      story,
    );
    const samples = await sampling(neverMoreThan(event, capacity), racing);
    expect(samples).toBeGreaterThan(3);
    expect(surprises).toEqual([]);
    // the person who fell silent last is found by the next look, or by the job
    await world.sql.query('update public.waiting_rooms set due_at = now() where event_id = $1', [event]);
    await world.sql.query('select private.tidy_queues()');
    const places = await entries(event);
    const count = (status: string, reason: string) =>
      places.filter((place) => place.status === status && place.end_reason === reason).length;
    expect(places.filter(({ status }) => status === 'waiting' || status === 'admitted')).toEqual([]);
    expect(count('completed', 'completed')).toBe(200);
    expect(count('expired', 'failed')).toBe(40);
    expect(count('expired', 'silent')).toBe(40);
    expect(count('left', 'left')).toBe(40);
    expect(
      await world.value('select completed_count::int from public.waiting_rooms where event_id = $1', event),
    ).toBe(200);
    expect(await brokenQueues()).toEqual([]);
  });

  it('admits a number that was committed late before every higher number that waits, and proves that nobody was passed over', async () => {
    const event = await openEvent(world, { tickets: 100, capacity: 1 });
    const [early = '', quick = '', next = ''] = await makePeople(world, 3);
    const slow = await connect();
    const hold = async (user: string) => {
      await slow.query('begin');
      await slow.query("select set_config('request.jwt.claims', tests.claims($1), true)", [user]);
      await slow.query('select private.require_user(), pg_current_xact_id()');
    };
    try {
      await hold(early);
      // draws number 1, and the network keeps the commit
      const { rows } = await slow.query<{ number: string }>(
        `insert into public.queue_entries (event_id, user_id, number)
         select event_id, $2, nextval(numbers) from public.waiting_rooms where event_id = $1 returning number`,
        [event, early],
      );
      expect(rows[0]?.number).toBe('1');
      await crowd(1, [quick, next], async (actor, user) => {
        await actor.act(user, join, event);
      });
      expect((await entries(event)).map(({ number, status }) => [number, status])).toEqual([
        [2, 'admitted'],
        [3, 'waiting'],
      ]);
      await slow.query('commit');
      expect(await brokenQueues()).toEqual([]);
      await crowd(1, [quick], async (actor, user) => {
        await actor.act(user, 'public.leave_queue($1)', event);
      });
      expect((await entries(event)).map(({ number, status }) => [number, status])).toEqual([
        [1, 'admitted'],
        [2, 'left'],
        [3, 'waiting'],
      ]);
      expect(await brokenQueues()).toEqual([]);
    } finally {
      await slow.end();
    }
  });

  it('gives the slot on when somebody is admitted in the moment of leaving', async () => {
    const event = await openEvent(world, { tickets: 100, capacity: 1 });
    const [first = '', leaver = '', next = ''] = await makePeople(world, 3);
    await crowd(1, [first, leaver, next], async (actor, user) => {
      await actor.act(user, join, event);
    });
    const slow = await connect();
    try {
      // the first has left, which admits the one who is leaving; the commit is late
      await slow.query('begin');
      await slow.query("select set_config('request.jwt.claims', tests.claims($1), true)", [first]);
      await slow.query('select private.leave_queue($1)', [event]);
      await slow.query('set constraints all immediate');
      const leaving = crowd(1, [leaver], async (actor, user) => {
        expect((await actor.act(user, 'public.leave_queue($1)', event)).error).toBeNull();
      });
      const waiting = () =>
        world.value<number>(
          "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and query like '%leave_queue%' and datname = current_database()",
        );
      while ((await waiting()) === 0) await pause(20);
      await slow.query('commit');
      await leaving;
    } finally {
      await slow.end();
    }
    expect((await entries(event)).map(({ number, status }) => [number, status])).toEqual([
      [1, 'left'],
      [2, 'left'],
      [3, 'admitted'],
    ]);
    expect(await brokenQueues()).toEqual([]);
  });

  it('shuffles a pre-queue that people are still joining, by the seed that it promised, and puts who comes later behind', async () => {
    const event = await openEvent(world, { tickets: 1000, capacity: 10, opensAt: '2030-01-01T00:00:00Z' });
    const promised = await world.value<string>(
      'select seed_hash from public.waiting_rooms where event_id = $1',
      event,
    );
    const people = await makePeople(world, 300);
    let joined = 0;
    const errors: (string | null)[] = [];
    await crowd(64, people, async (actor, user) => {
      joined += 1;
      if (joined === 150)
        await world.sql.query(
          'update public.waiting_rooms set opens_at = clock_timestamp(), due_at = clock_timestamp() where event_id = $1',
          [event],
        );
      errors.push((await actor.act(user, join, event)).error);
    });
    expect(errors.filter((error) => error !== null)).toEqual([]);
    const places = await entries(event);
    expect(places.map(({ number }) => number)).toEqual(places.map((_, i) => i + 1));
    const shuffled = places.filter(({ shuffle_number }) => shuffle_number !== null);
    expect(shuffled.length).toBeGreaterThan(50);
    expect(shuffled.length).toBeLessThan(300);
    // everybody of the pre-queue is before everybody who came later
    expect(shuffled.map(({ number }) => number)).toEqual(shuffled.map((_, i) => i + 1));
    const { rows: listed } = await world.sql.query<{ number: number; entry_id: string }>(
      'select number::int, entry_id from public.queue_shuffle($1)',
      [event],
    );
    const seed = await world.value<string>(
      'select seed from public.waiting_rooms where event_id = $1',
      event,
    );
    const mine = shuffled[17];
    expect(await verifyShuffle({ seed, seedHash: promised, places: listed }, mine?.id)).toEqual({
      valid: true,
      places: shuffled.length,
      number: mine?.number,
    });
    // and it notices when two places are swapped, one is missing, or the seed is another one
    const [first, second, ...rest] = listed;
    if (!first || !second) throw new Error('nothing was shuffled');
    const swapped = [{ ...first, number: second.number }, { ...second, number: first.number }, ...rest];
    expect((await verifyShuffle({ seed, seedHash: promised, places: swapped })).valid).toBe(false);
    expect((await verifyShuffle({ seed, seedHash: promised, places: [second, ...rest] })).valid).toBe(false);
    expect(
      (await verifyShuffle({ seed: `00${seed.slice(2)}`, seedHash: promised, places: listed })).valid,
    ).toBe(seed.startsWith('00'));
    expect(await brokenQueues()).toEqual([]);
  });

  it('admits no more people than there are tickets, and closes when the last is sold, whatever happens at once', async () => {
    const event = await openEvent(world, { tickets: 30, capacity: 16 });
    const people = await makePeople(world, 160);
    const surprises: (string | null)[] = [];
    const racing = crowd(
      64,
      people.map((user, i): [number, string] => [i, user]),
      async (actor, [i, user]) => {
        const joined = await actor.act(user, join, event);
        if (joined.error === 'waiting_room_closed') return;
        surprises.push(joined.error);
        for (;;) {
          const { value, error } = await actor.act(user, look, event);
          surprises.push(error);
          const place = value as Place;
          if (place.status === 'admitted') {
            const bought = await actor.act(user, 'tests.buy($1, $2, $3)', user, event, place.admission_id);
            surprises.push(bought.error);
            surprises.push(
              (
                await actor.act(
                  user,
                  'tests.end_order($1, $2)',
                  bought.value,
                  i % 5 === 0 ? 'expired' : 'completed',
                )
              ).error,
            );
            return;
          }
          if (place.status !== 'waiting') return;
          await pause(60);
        }
      },
    );
    await sampling(async (client) => {
      const { rows } = await client.query<{ over: boolean }>(
        `select (select count(*) from public.queue_entries where event_id = $1 and status = 'admitted' and order_id is null)
           > (select sum(capacity - held - sold) from private.stock_shards s where s.pool_id = tests.class_of($1)) as over`,
        [event],
      );
      expect(rows[0]?.over).toBe(false);
    }, racing);
    expect(surprises.filter((error) => error !== null)).toEqual([]);
    expect(await world.value('select status from public.waiting_rooms where event_id = $1', event)).toBe(
      'closed',
    );
    expect(
      await world.value(
        'select sum(sold)::int from private.stock_shards s where s.pool_id = tests.class_of($1)',
        event,
      ),
    ).toBe(30);
    await world.sql.query('select private.tidy_queues()');
    const places = await entries(event);
    expect(places.filter(({ status }) => status === 'waiting' || status === 'admitted')).toEqual([]);
    const told = await world.value(
      `select count(*)::int from public.notifications n join public.queue_entries e on e.user_id = n.user_id and e.event_id = $1
       where n.template = 'queue_sold_out' and n.data ->> 'event_id' = $1::text and e.end_reason = 'sold_out'`,
      event,
    );
    expect(told).toBe(places.filter(({ end_reason }) => end_reason === 'sold_out').length);
    expect(await brokenQueues()).toEqual([]);
  });
});
