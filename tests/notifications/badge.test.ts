import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type Act,
  allAtOnce,
  connect,
  invariantViolations,
  openWorld,
  tally,
  type World,
} from '../support/sql.ts';

let world: World;
let person: string;
/** What the person does, and what a command of somebody else tells them meanwhile. */
let phone: pg.Client;
let command: pg.Client;

const tell = "private.notify($1, 'licence_verified', '{}', gen_random_uuid()::text)";

/** Begins what the person does on a phone. */
async function beginAsPerson(): Promise<void> {
  await phone.query('begin');
  const claims = JSON.stringify({ sub: person, role: 'authenticated' });
  await phone.query("select set_config('request.jwt.claims', $1, true)", [claims]);
  await phone.query('set local role authenticated');
}

/** Resolves when somebody waits for a lock that this connection holds. */
async function holds(holder: pg.Client): Promise<void> {
  const { rows } = await holder.query<{ pid: number }>('select pg_backend_pid() as pid');
  const waiting = 'exists (select from pg_stat_activity where $1::int = any (pg_blocking_pids(pid)))';
  await expect.poll(() => world.value<boolean>(waiting, rows[0]?.pid)).toBe(true);
}

/** The badges the devices were told of, those of new notifications in the order of these. */
async function heard(event: 'notification' | 'inbox'): Promise<number[]> {
  const { rows } = await world.sql.query<{ unread: number }>(
    `select (payload ->> 'unread')::int as unread from realtime.messages
     where topic = 'user:' || $1 and event = $2 order by (payload ->> 'seq')::bigint`,
    [person, event],
  );
  return rows.map((row) => row.unread);
}

async function told(): Promise<string[]> {
  const { rows } = await world.sql.query<{ id: string }>(
    'select id from public.notifications where user_id = $1 order by seq',
    [person],
  );
  return rows.map((row) => row.id);
}

const unread = () => world.value<number>('private.unread_count($1)', person);

beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await world?.close();
});
beforeEach(async () => {
  [phone, command] = [await connect(), await connect()];
  person = await world.make('make_user', 'reader');
  for (let i = 0; i < 3; i += 1) await world.value(tell, person);
});
afterEach(async () => {
  await Promise.all([phone.end(), command.end()]);
});

describe('the badge, when a notification is told while', () => {
  it('all are being marked as read, counts the new one', async () => {
    await beginAsPerson();
    await phone.query('select public.mark_all_notifications_read()');
    const news = command.query(`select ${tell}`, [person]);
    await holds(phone);
    await phone.query('commit');
    await news;
    expect(await unread()).toBe(1);
    expect(await heard('inbox')).toEqual([0]);
    expect((await heard('notification')).at(-1)).toBe(1);
  });

  it('a marking of all begins before its commit, counts the new one', async () => {
    await command.query('begin');
    await command.query(`select ${tell}`, [person]);
    await command.query('set constraints all immediate');
    await beginAsPerson();
    const marked = phone.query('select public.mark_all_notifications_read()');
    await holds(command);
    await command.query('commit');
    await marked;
    await phone.query('commit');
    expect((await heard('notification')).at(-1)).toBe(4);
    // it was not there when the person said so
    expect(await unread()).toBe(1);
    expect(await heard('inbox')).toEqual([1]);
  });

  it.each(['mark_notification_read', 'delete_notification'])(
    '%s is at work, is right in both orders',
    async (verb) => {
      const ids = await told();
      await beginAsPerson();
      await phone.query(`select public.${verb}($1)`, [ids[0]]);
      const news = command.query(`select ${tell}`, [person]);
      await holds(phone);
      await phone.query('commit');
      await news;
      expect(await heard('inbox')).toEqual([2]);
      expect((await heard('notification')).at(-1)).toBe(3);
      expect(await unread()).toBe(3);

      await command.query('begin');
      await command.query(`select ${tell}`, [person]);
      await command.query('set constraints all immediate');
      await beginAsPerson();
      const done = phone.query(`select public.${verb}($1)`, [ids[1]]);
      await holds(command);
      await command.query('commit');
      await done;
      await phone.query('commit');
      expect((await heard('notification')).at(-1)).toBe(4);
      expect((await heard('inbox')).toSorted()).toEqual([2, 3]);
      expect(await unread()).toBe(3);
    },
  );
});

describe('the badge, when two phones of a person', () => {
  it('read different notifications, is that of both on the one that is heard last', async () => {
    const ids = await told();
    await beginAsPerson();
    await phone.query('select public.mark_notification_read($1)', [ids[0]]);
    const other: Act = { user: person, text: 'public.mark_notification_read($1)::text', args: [ids[1]] };
    const read = allAtOnce([other]);
    await holds(phone);
    await phone.query('commit');
    expect(tally(await read)).toEqual({ ok: 1 });
    expect((await heard('inbox')).toSorted()).toEqual([1, 2]);
    expect(await unread()).toBe(1);
  });

  it('read and delete while others tell, never deadlocks', async () => {
    const ids = await told();
    const acts: Act[] = Array.from({ length: 8 }, () => ({ text: `${tell}::text`, args: [person] }));
    for (const id of ids) {
      acts.push({ user: person, text: 'public.mark_all_notifications_read()::text' });
      acts.push({ user: person, text: 'public.mark_notification_read($1)::text', args: [id] });
      acts.push({ user: person, text: 'public.delete_notification($1)::text', args: [id] });
    }
    const outcomes = await allAtOnce(acts);
    // what is deleted can no longer be read
    expect(outcomes.filter(({ error }) => error !== null && error !== 'not_found')).toEqual([]);
    expect(await invariantViolations(world)).toEqual([]);
  });
});
