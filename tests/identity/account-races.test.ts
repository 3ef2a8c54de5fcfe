import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { book, hours, makeListing, makePeople } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  type World,
} from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

const leave = (user: string): Act => ({ text: `private.delete_person($1, 'test')`, args: [user] });

const liveBookingsOfTheDeleted = () =>
  world.value<number>(`select count(*)::int from public.bookings b join public.profiles p on p.id in (b.renter_id, b.host_id)
    where p.deleted_at is not null and b.status in ('requested', 'pending_payment', 'confirmed')`);

describe('deleting an account', () => {
  it('is refused, or comes before the booking, when renter or host leave at the moment somebody books', async () => {
    let left = 0;
    for (let round = 0; round < 8; round += 1) {
      const { host, vehicle } = await makeListing(world);
      const renters = await makePeople(world, 6);
      const [starts, ends] = [await hours(world, 48), await hours(world, 72)];
      const acts: Act[] = [];
      for (const renter of renters) {
        acts.push(book(renter, await world.make('make_quote', renter, vehicle, starts, ends)));
      }
      const goers = [...renters.slice(0, 3), host];
      const outcomes = await allAtOnce([...acts, ...goers.map(leave)]);
      const expected = [
        'vehicle_unavailable',
        'vehicle_not_found',
        'account_in_use',
        'account_deleted',
        'licence_required',
      ];
      expect(surprises(outcomes, ...expected)).toEqual([]);
      expect(await liveBookingsOfTheDeleted()).toBe(0);
      left += outcomes.slice(acts.length).filter(({ error }) => error === null).length;
    }
    expect(left).toBeGreaterThan(0);
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('is done once when it is asked for many times at once', async () => {
    const [one = ''] = await makePeople(world, 1);
    const outcomes = await allAtOnce(Array.from({ length: 8 }, () => leave(one)));
    expect(surprises(outcomes)).toEqual([]);
    expect(new Set(outcomes.map(({ value }) => String(value))).size).toBe(1);
    expect(
      await world.value(
        `select count(*)::int from private.domain_events where type = 'profile.deleted' and subject_id = $1`,
        one,
      ),
    ).toBe(1);
  });
});
