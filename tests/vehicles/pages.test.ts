import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, invariantViolations, openWorld, type World } from '../support/sql.ts';

let world: World;
let host: string;

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query('update private.rate_limits set capacity = 1000000, per_minute = 1000000');
  host = await world.make('make_user', 'host');
  await world.sql.query(
    `select tests.make_vehicle($1, jsonb_build_object('lat', 4.5 + n * 0.0007, 'lng', 99.5, 'title', 'Stays ' || n, 'price_per_day', 300000 + (n % 7) * 1000))
     from generate_series(1, 40) n`,
    [host],
  );
});
afterAll(() => world?.close());

interface Hit {
  title: string;
  cursor: object;
}

describe('pages of a search', () => {
  it.each(['distance', 'price', 'rating', 'total'])(
    'by %s show each listing that stays as it is once, while others come, change and go',
    async (sort) => {
      let writes = 0;
      // others that come anywhere in the order, move in it, and go
      const write = async () => {
        writes += 1;
        const { rows } = await world.sql.query<{ id: string }>(
          `select tests.make_vehicle($1, jsonb_build_object('lat', 4.5 + $2::int % 40 * 0.0007, 'lng', 99.5, 'title', 'Passes ' || $2, 'price_per_day', 300000 + $2::int % 7 * 1000)) as id`,
          [host, writes],
        );
        const id = rows[0]?.id;
        await world.sql.query(
          'update public.vehicles set price_per_day = price_per_day + 2000 where id = $1',
          [id],
        );
        if (writes % 2 === 0)
          await world.sql.query("update public.vehicles set status = 'archived' where id = $1", [id]);
      };
      for (let walk = 0; walk < 3; walk += 1) {
        const seen: string[] = [];
        let after: object | null = null;
        for (let pages = 0; pages < 200; pages += 1) {
          await write();
          const page: { rows: { hit: Hit }[] } = await world.sql.query(
            `select s as hit from public.search_vehicles(lat => 4.5, lng => 99.5, radius_m => 20000, sort => $1, after => $2, page_size => 5,
               starts_at => tests.hours(50), ends_at => tests.hours(60)) s`,
            [sort, after === null ? null : JSON.stringify(after)],
          );
          seen.push(...page.rows.map(({ hit }) => hit.title).filter((title) => title.startsWith('Stays')));
          const last = page.rows.at(-1);
          if (!last || page.rows.length < 5) break;
          after = last.hit.cursor;
        }
        expect(seen).toHaveLength(40);
        expect(new Set(seen).size).toBe(40);
      }
    },
  );
});

describe('calendars elsewhere', () => {
  it('share a vehicle with bookings and blocks that come and go at once, and never overlap', async () => {
    const vehicle = await world.make('make_vehicle', host);
    const { rows: calendars } = await world.sql.query<{ id: string }>(
      `insert into public.external_calendars (vehicle_id, host_id, name, url)
       select $1, $2, 'Elsewhere', 'https://calendars.example/' || n || '.ics' from generate_series(1, 2) n returning id`,
      [vehicle, host],
    );
    await world.sql.query(`
      create function tests.block(p_vehicle uuid, p_from int) returns void language plpgsql as $$ begin
        perform private.lock_vehicle(p_vehicle);
        insert into public.calendar_entries (vehicle_id, kind, blocked) values (p_vehicle, 'host_block', tstzrange(tests.hours(p_from), tests.hours(p_from + 5)));
      end $$;
      create function tests.unblock(p_vehicle uuid) returns void language plpgsql as $$ begin
        perform private.lock_vehicle(p_vehicle);
        delete from public.calendar_entries where vehicle_id = p_vehicle and kind = 'host_block';
      end $$`);
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect()));
    try {
      const outcomes = await Promise.all(
        clients.map(async (client, i) => {
          const problems: string[] = [];
          for (let round = 0; round < 15; round += 1) {
            const from = 100 + ((round * 7 + i * 3) % 40);
            const [text, args] =
              i < 2
                ? [
                    `select private.store_calendar($1, jsonb_build_object('kind', 'busy', 'periods', jsonb_build_array(jsonb_build_object('starts_at', tests.hours($2), 'ends_at', tests.hours($2 + 12)))))`,
                    [calendars[i]?.id, from],
                  ]
                : round % 2 === 0
                  ? ['select tests.block($1, $2)', [vehicle, from]]
                  : ['select tests.unblock($1)', [vehicle]];
            await client
              .query(text as string, args as unknown[])
              .catch((error: { code?: string }) => problems.push(error.code ?? String(error)));
          }
          return problems;
        }),
      );
      // a block may meet what a calendar took; nothing else goes wrong, and nobody waits for ever
      expect(outcomes.flat().filter((code) => code !== '23P01')).toEqual([]);
      expect(await invariantViolations(world)).toEqual([]);
    } finally {
      await Promise.all(clients.map((client) => client.end()));
    }
  });
});
