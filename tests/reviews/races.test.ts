import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, makeListing, makePeople } from '../support/acts.ts';
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
  await world.sql.query("update private.rate_limits set capacity = 1000 where action = 'write_review'");
});

afterAll(() => world?.close());

interface Trip {
  booking: string;
  renter: string;
  host: string;
  vehicle: string;
}

/** Trips of one vehicle that are over, each with another renter. */
async function trips(count: number): Promise<Trip[]> {
  const { host, vehicle } = await makeListing(world);
  const renters = await makePeople(world, count);
  const made: Trip[] = [];
  for (const [i, renter] of renters.entries()) {
    const from = 300 + 20 * i;
    const booking = await world.make<string>(
      'make_paid_booking',
      renter,
      vehicle,
      await hours(world, from),
      await hours(world, from + 10),
    );
    await world.make('drive', booking, 10);
    made.push({ booking, renter, host, vehicle });
  }
  return made;
}

const write = (user: string, booking: string, rating: number): Act => ({
  user,
  text: "private.write_review($1, $2, 'as it was', '{}')",
  args: [booking, rating],
});

describe('reviews', () => {
  it('makes both public when both sides write at once', async () => {
    const all = await trips(4);
    const outcomes = await allAtOnce(
      all.flatMap(({ booking, renter, host }) => [write(renter, booking, 5), write(host, booking, 4)]),
    );
    expect(tally(outcomes)).toEqual({ ok: 8 });
    for (const { booking } of all) {
      expect(
        await world.value(
          'select array_agg(status order by side) from public.reviews where booking_id = $1',
          booking,
        ),
      ).toEqual(['released', 'released']);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('keeps the ratings right when many reviews become public at once', async () => {
    const all = await trips(8);
    await allAtOnce(all.map(({ booking, renter }, i) => write(renter, booking, 1 + (i % 5))));
    const outcomes = await allAtOnce([
      ...all.map(({ booking, host }) => write(host, booking, 3)),
      ...all.map(({ booking, renter }) => write(renter, booking, 2)),
    ]);
    expect(surprises(outcomes, 'review_released')).toEqual([]);
    expect(await world.value('select rating_count from public.vehicles where id = $1', all[0]?.vehicle)).toBe(
      8,
    );
    expect(await world.value('select rating_count from public.profiles where id = $1', all[0]?.host)).toBe(8);
    expect(await invariantViolations(world)).toEqual([]);
  });
});
