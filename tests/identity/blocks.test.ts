import { afterAll, describe, expect, it } from 'vitest';
import { admin, closeSql, listing, ok, period, person, refusal, renter } from '../support/world.ts';

afterAll(closeSql);

describe('a block', () => {
  it('keeps two people apart until it is ended, and is seen by its author alone', async () => {
    const reviewer = await admin();
    const [one, host] = [await renter(reviewer), await person('host')];
    const vehicle = await listing(host, reviewer);
    const trip = { vehicleId: vehicle.id, ...period(40, 24) };
    const quote = await ok(one.journey.quotes.create(trip));

    await ok(host.journey.blocks.add(one.id));
    expect(await refusal(one.journey.quotes.create(trip))).toBe('booking_not_possible');
    expect(await refusal(one.journey.bookings.create({ quoteId: quote.id }))).toBe('booking_not_possible');
    expect((await ok(one.journey.blocks.list())).rows).toEqual([]);
    expect((await ok(host.journey.blocks.list())).rows).toMatchObject([
      { user_id: one.id, display_name: 'renter', avatar_path: null },
    ]);

    await ok(host.journey.blocks.remove(one.id));
    expect((await ok(one.journey.bookings.create({ quoteId: quote.id }))).vehicle_id).toBe(vehicle.id);
  });

  it('is one, however often it is asked for at once, by both sides', async () => {
    const [one, other] = [await person('one'), await person('other')];
    const both = [one.journey.blocks.add(other.id), other.journey.blocks.add(one.id)];
    const again = Array.from({ length: 8 }, () => one.journey.blocks.add(other.id));
    for (const result of await Promise.all([...both, ...again])) expect(result.error).toBeNull();
    expect((await ok(one.journey.blocks.list())).rows.map((row) => row.user_id)).toEqual([other.id]);
    expect((await ok(other.journey.blocks.list())).rows.map((row) => row.user_id)).toEqual([one.id]);
  });

  it('is listed page by page, the last one first', async () => {
    const one = await person('one');
    const others = [await person('a'), await person('b'), await person('c')];
    for (const { id } of others) await ok(one.journey.blocks.add(id));
    const walked: string[] = [];
    for await (const row of one.journey.blocks.list({ pageSize: 2 }))
      walked.push((await ok(Promise.resolve(row))).user_id);
    expect(walked).toEqual(others.map(({ id }) => id).reverse());
  });
});
