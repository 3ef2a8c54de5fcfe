import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, invariantViolations, openWorld, tally, type World } from '../support/sql.ts';
import { closeSql, ok, person, refusal } from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world?.close();
  await closeSql();
});

const home = { label: 'Home', recipient: 'Lan', line1: '1 Tràng Tiền', province: 'Hà Nội' };
const add = (user: string): Act => ({
  user,
  text: '(private.add_address($1, gen_random_uuid())).id',
  args: [JSON.stringify(home)],
});
const defaultsOf = (user: string) =>
  world.value<number>('select count(*)::int from public.addresses where user_id = $1 and is_default', user);

describe('addresses', () => {
  it('are added, changed, made the default and deleted, by their owner alone', async () => {
    const [one, other] = [await person('one'), await person('other')];
    const { addresses } = one.journey;
    const first = await ok(addresses.add({ ...home, phone: '0912 345 678' }));
    expect(first).toMatchObject({ phone: '+84912345678', country: 'VN', is_default: true, lat: null });
    const second = await ok(addresses.add({ ...home, label: 'Office', lat: 21.03, lng: 105.85 }));
    expect(second).toMatchObject({ is_default: false, lat: 21.03, lng: 105.85 });
    await ok(addresses.setDefault(second.id));
    expect((await ok(addresses.list())).map((row) => row.label)).toEqual(['Office', 'Home']);
    expect(await ok(addresses.update(first.id, { line2: 'Tầng 2' }))).toMatchObject({
      ...home,
      line2: 'Tầng 2',
    });
    const { error } = await addresses.update(first.id, { province: null });
    expect(error).toMatchObject({ code: 'invalid_input', details: { field: 'province' } });

    expect(await ok(other.journey.addresses.list())).toEqual([]);
    expect(await refusal(other.journey.addresses.update(first.id, { label: 'Mine' }))).toBe(
      'address_not_found',
    );
    await ok(other.journey.addresses.delete(second.id));

    await ok(addresses.delete(second.id));
    expect(await ok(addresses.list())).toMatchObject([{ id: first.id, is_default: true }]);
  });

  it('have one default, however many are added, made the default and deleted at once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const user = await world.make('make_user', 'mover');
      expect(tally(await allAtOnce(Array.from({ length: 6 }, () => add(user))))).toEqual({ ok: 6 });
      expect(await defaultsOf(user)).toBe(1);
      const ids = await world.sql.query<{ id: string }>(
        'select id from public.addresses where user_id = $1',
        [user],
      );
      const acts = ids.rows.flatMap(({ id }, i): Act[] => [
        { user, text: '(public.set_default_address($1)).id', args: [id] },
        ...(i % 2 === 0 ? [{ user, text: 'public.delete_address($1)', args: [id] }] : []),
      ]);
      const outcomes = await allAtOnce(acts);
      for (const { error } of outcomes) expect([null, 'address_not_found']).toContain(error);
      expect(await defaultsOf(user)).toBe(1);
    }
    expect(await invariantViolations(world)).toEqual([]);
  });

  it('are never more than a person can keep, however many are added at once', async () => {
    const user = await world.make('make_user', 'collector');
    await world.sql.query(
      `insert into public.addresses (user_id, recipient, line1, province) select $1, 'A', 'B', 'C' from generate_series(1, 17)`,
      [user],
    );
    expect(tally(await allAtOnce(Array.from({ length: 8 }, () => add(user))))).toEqual({
      ok: 3,
      too_many_addresses: 5,
    });
  });
});
