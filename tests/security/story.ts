import { addAccounts, type World } from '../support/sql.ts';

/** Everybody whose view of the data is compared. */
export interface Cast {
  renter: string;
  host: string;
  stranger: string;
  admin: string;
  support: string;
}

/**
 * People and what they leave in every table: an upcoming trip, a finished one that is paid out, and a cancelled one that is
 * refunded, with two listings, of which one is a draft.
 */
export async function tellStory(
  world: World,
  samples: { relation: string; statement: string }[],
): Promise<Cast> {
  const { make, value, sql } = world;
  await addAccounts(world);
  await sql.query('update private.rate_limits set capacity = 1000000, per_minute = 1000000');
  const cast: Cast = {
    renter: await make('make_renter', 'renter'),
    host: await make('make_user', 'host'),
    stranger: await make('make_user', 'stranger'),
    admin: await make('make_admin', 'admin'),
    support: await make('make_user', 'support'),
  };
  await sql.query("insert into public.user_roles (user_id, role) values ($1, 'support')", [cast.support]);
  await sql.query('create table tests.people (name text primary key, id uuid not null)');
  await sql.query('insert into tests.people select key, value::uuid from jsonb_each_text($1::jsonb)', [
    JSON.stringify(cast),
  ]);
  await sql.query(`create function tests.cast(p_name text) returns uuid language sql stable
    as $$ select id from tests.people where name = p_name $$`);

  const vehicle = await make('make_vehicle', cast.host);
  const draft = await make('make_draft', cast.host);
  await sql.query(
    'insert into public.vehicle_images (vehicle_id, media_id, host_id, position) values ($1, $2, $3, 0)',
    [draft, await make('make_media', cast.host, 'vehicle_image'), cast.host],
  );
  await sql.query(
    `insert into public.calendar_entries (vehicle_id, kind, blocked)
     values ($1, 'host_block', tstzrange(tests.hours(2000), tests.hours(2010)))`,
    [draft],
  );
  const trip = (from: number) =>
    sql
      .query<{ id: string }>(
        'select tests.make_paid_booking($1, $2, tests.hours($3), tests.hours($3::numeric + 5)) as id',
        [cast.renter, vehicle, from],
      )
      .then(({ rows }) => rows[0]?.id as string);

  await make('set_account', cast.renter);
  await make('set_account', cast.host);
  const finished = await trip(30);
  await make('drive', finished, -30);
  await sql.query("update public.bookings set claim_until = now() - interval '1 second' where id = $1", [
    finished,
  ]);
  await value('private.schedule_payouts()');
  const cancelled = await trip(400);
  await sql.query('select tests.as_user($1), tests.cancel_booking($2), tests.as_owner()', [
    cast.renter,
    cancelled,
  ]);
  await trip(500);
  await sql.query(`select public.issue_receipt('receipt', id) from public.payments where payable_id = $1`, [
    finished,
  ]);
  const avatar = await make('make_media', cast.renter, 'avatar');
  await sql.query('update public.profiles set avatar_media_id = $2 where id = $1', [cast.renter, avatar]);
  for (const { statement } of samples) await sql.query(statement);
  return cast;
}
