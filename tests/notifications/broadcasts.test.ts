import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setting } from '../support/setting.ts';
import { connect, invariantViolations, openWorld, type World, worldDatabase } from '../support/sql.ts';

// A broadcast to many people, whose worker is killed in the middle. BROADCAST_PEOPLE=100000 is the number of the
// requirement; fewer find the same faults sooner.
const people = Number(process.env.BROADCAST_PEOPLE ?? 3_000);
let world: World;
let broadcast: string;

beforeAll(async () => {
  world = await openWorld();
  await world.sql.query("update private.settings set value = '100000' where key = 'broadcast_backlog'");
  // without the triggers of a sign-up, which would take most of the time; only a superuser may do without
  const address = new URL(setting('ADMIN_DB_URL'));
  address.pathname = `/${worldDatabase()}`;
  const superuser = new pg.Client({ connectionString: address.href });
  await superuser.connect();
  await superuser.query(`
    set session_replication_role = replica;
    with u as (
      insert into auth.users (id, email, email_confirmed_at)
      select gen_random_uuid(), 'crowd' || n || '@example.com', now() from generate_series(1, ${people}) n returning id
    ), p as (
      insert into public.profiles (id, display_name, locale, bio)
      select id, 'Crowd', case when id < '80000000-0000-0000-0000-000000000000' then 'en' else 'vi' end, 'crowd' from u returning id
    )
    insert into private.inboxes (user_id) select id from p;
    analyze public.profiles;`);
  await superuser.end();
  await world.sql.query(
    `insert into private.broadcast_conditions (name, takes, condition, description)
     values ('crowd', 'true', 'p.bio = ''crowd''', 'Those of this test.')`,
  );
  broadcast = await world.value<string>(
    `(select b.id from tests.make_admin('admin') a,
       lateral (select set_config('request.jwt.claims', json_build_object('sub', a, 'role', 'authenticated')::text, false)) c,
       lateral private.create_broadcast('service', '{"crowd": true}',
         '{"vi": {"title": "Tin", "body": "Nội dung"}, "en": {"title": "News", "body": "Body"}}', gen_random_uuid()) b)`,
  );
  await world.sql.query('select private.start_broadcast($1)', [broadcast]);
}, 600_000);

afterAll(() => world?.close());

/** Works until there is nothing left, or until the connection is cut. Answers how many chunks were written. */
async function work(client: pg.Client, chunk = 250): Promise<number> {
  for (let chunks = 0; ; chunks += 1) {
    const { rows } = await client.query<{ next: string }>('select private.work_broadcast($1, $2) as next', [
      broadcast,
      chunk,
    ]);
    if (rows[0]?.next !== 'more') return chunks;
  }
}

const written = () =>
  world.value<number>('(select written from public.notification_broadcasts where id = $1)', broadcast);

describe('a broadcast to many people', () => {
  it('reaches everybody once, although a worker is killed in the middle and two others meet', async () => {
    const began = performance.now();
    const victim = await connect();
    victim.on('error', () => {});
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    const killed = work(victim).then(
      () => 'finished',
      () => 'killed',
    );
    while ((await written()) < people / 3) await new Promise((resolve) => setTimeout(resolve, 20));
    await world.sql.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    expect(await killed).toBe('killed');
    const left = await written();
    expect(left).toBeLessThan(people);
    expect(left % 250).toBe(0);

    const workers = [await connect(), await connect()];
    await Promise.all(workers.map((worker) => work(worker)));
    await Promise.all(workers.map((worker) => worker.end()));
    const seconds = (performance.now() - began) / 1000;
    console.log(
      `${people} people in ${seconds.toFixed(1)} s: ${Math.round(people / seconds)} people per second`,
    );

    const told = await world.sql.query(
      `select b.status, b.total, b.written, b.skipped,
         (select count(*)::int from public.notifications n where n.template = b.template) as notifications,
         (select count(distinct n.user_id)::int from public.notifications n where n.template = b.template) as people,
         (select count(*)::int from public.notifications n where n.template = b.template and n.seq is null) as unnumbered
       from public.notification_broadcasts b where b.id = $1`,
      [broadcast],
    );
    expect(told.rows[0]).toEqual({
      status: 'completed',
      total: people,
      written: people,
      skipped: {},
      notifications: people,
      people,
      unnumbered: 0,
    });
    expect(await invariantViolations(world)).toEqual([]);
  }, 3_600_000);

  it('holds nobody’s inbox longer than a chunk, so others write to the same people meanwhile', async () => {
    const id = await world.value<string>(
      `(select id from private.create_broadcast('service', '{"crowd": true}',
         '{"vi": {"title": "Tin", "body": "Nội dung"}, "en": {"title": "News", "body": "Body"}}', gen_random_uuid()))`,
    );
    await world.sql.query('select private.start_broadcast($1)', [id]);
    broadcast = id;
    const worker = await connect();
    const other = await connect();
    const working = work(worker, 100).then(() => 'done');
    let told = 0;
    let last = '00000000-0000-0000-0000-000000000000';
    let state = '';
    while (state === '' && told < 200) {
      const { rows } = await other.query<{ id: string }>(
        "select id from public.profiles where bio = 'crowd' and id > $1 order by id limit 1",
        [last],
      );
      if (!rows[0]) break;
      last = rows[0].id;
      await other.query("select private.notify($1, 'licence_verified', '{}', gen_random_uuid()::text)", [
        last,
      ]);
      told += 1;
      state = await Promise.race([working, Promise.resolve('')]);
    }
    expect(await working).toBe('done');
    expect(told).toBeGreaterThan(0);
    expect(await invariantViolations(world)).toEqual([]);
    await Promise.all([worker.end(), other.end()]);
  }, 600_000);
});
