import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cancel, expireOverdue, farAway, hours, makePeople, providerSays } from '../support/acts.ts';
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
});

afterAll(() => world?.close());

describe('notifications', () => {
  it('numbers them without gaps when many write to the same two people in opposite roles', async () => {
    // more than one person may hold
    await world.sql.query("update private.settings set value = '20' where key = 'max_open_bookings'");
    const people = await makePeople(world, 2);
    const [one, two] = people as [string, string];
    const vehicles = [
      await world.make('make_vehicle', one, JSON.stringify(farAway)),
      await world.make('make_vehicle', two, JSON.stringify(farAway)),
    ] as const;
    const acts: Act[] = [];
    for (let i = 0; i < 16; i += 1) {
      const renter = people[(i + 1) % 2] as string;
      const vehicle = vehicles[i % 2] as string;
      const booking = await world.make(
        'make_booking',
        renter,
        vehicle,
        await hours(world, 48 + i * 3),
        await hours(world, 50 + i * 3),
      );
      acts.push(providerSays(await world.make('start_payment', booking)));
    }
    expect(tally(await allAtOnce(acts))).toEqual({ ok: 16 });
    for (const person of people) {
      const { rows } = await world.sql.query<{ count: number; min: string; max: string }>(
        'select count(*)::int, min(seq), max(seq) from public.notifications where user_id = $1',
        [person],
      );
      // the licence and the listing come first
      expect(rows[0]).toEqual({ count: 18, min: '1', max: '18' });
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('does not deadlock when the job tells many people while hosts and renters cancel', async () => {
    for (let round = 0; round < 4; round += 1) {
      const people = await makePeople(world, 6);
      const vehicles: string[] = [];
      for (const person of people)
        vehicles.push(await world.make('make_vehicle', person, JSON.stringify(farAway)));
      const acts: Act[] = [expireOverdue, expireOverdue];
      for (const [i, host] of people.entries()) {
        for (const [j, renter] of people.entries()) {
          if (i === j) continue;
          const booking = await world.make(
            'make_booking',
            renter,
            vehicles[i],
            await hours(world, 48 + j * 3),
            await hours(world, 50 + j * 3),
          );
          if ((i + j) % 2 === 0) await world.make('run_out', booking);
          else acts.push(cancel(i < j ? host : renter, booking));
        }
      }
      expect(surprises(await allAtOnce(acts))).toEqual([]);
      expect(await invariantViolations(world)).toEqual([]);
    }
  });

  it('tells a person once of one cause, however many say it at the same time', async () => {
    const [person] = (await makePeople(world, 1)) as [string];
    const tell: Act = { text: "private.notify($1, 'licence_verified', '{}', 'once')", args: [person] };
    expect(tally(await allAtOnce(Array.from({ length: 20 }, () => tell)))).toEqual({ ok: 20 });
    expect(
      await world.value<number>(
        "select count(*)::int from public.notifications where user_id = $1 and dedupe_key = 'licence_verified:once'",
        person,
      ),
    ).toBe(1);
    expect(await invariantViolations(world)).toEqual([]);
  });
});
