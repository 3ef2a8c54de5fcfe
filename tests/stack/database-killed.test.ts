import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, type RealtimeChannel, type SupabaseClientOptions } from '@supabase/supabase-js';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import WebSocket from 'ws';
import { clusterOwner, dataFolder } from '../../local/cluster/owner.ts';
import { serverLog } from '../../local/cluster/server-log.ts';
import { removeData, stopEverything } from '../../local/commands/background.ts';
import { apiUrl, databaseUrl, loadConfig, mailUrl } from '../../local/config.ts';
import { lockHolder } from '../../local/lock.ts';
import { createLog } from '../../local/log.ts';
import { alreadyRunning, type Stack, startStack } from '../../local/stack.ts';
import { photo } from '../../local/tour/photo.ts';
import { createJourney, type Journey } from '../../sdk/src/index.ts';

type Transport = NonNullable<NonNullable<SupabaseClientOptions<'public'>['realtime']>['transport']>;

// A stack of its own: the others' database must live. Names and numbers are in local/config.ts.
const config = loadConfig('outage', { unsafeFast: true });
const said: string[] = [];
const told: string[] = [];
let stack: Stack;
let journey: Journey;
let user: { id: string; email: string };
let channel: RealtimeChannel;
const noSession = { auth: { persistSession: false, autoRefreshToken: false } };
const heard: unknown[] = [];

/** Runs SQL as the owner of the domain, on a connection of its own. */
async function sql<Row extends object>(text: string, values: unknown[] = []): Promise<Row[]> {
  const client = new Client({ connectionString: databaseUrl(config) });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text, values)).rows as Row[];
  } finally {
    await client.end().catch(() => {});
  }
}

async function health(): Promise<{ status: number; parts: Record<string, string> }> {
  const answer = await fetch(`${apiUrl(config)}/health`);
  return { status: answer.status, ...((await answer.json()) as { parts: Record<string, string> }) };
}

/** Somebody else signs up, on a client of their own. */
const signUpOther = () =>
  createClient(apiUrl(config), config.publishableKey, noSession).auth.signUp({
    email: `other-${crypto.randomUUID()}@example.test`,
    password: 'a-long-password',
  });
/** Writes a notification: a broadcast to the person, and a mail through the outbox with this in its subject. */
const notify = (what: string) =>
  sql(`select private.notify($1, 'booking_requested_host', $2, $3)`, [
    user.id,
    { code: what, vehicle: 'x', period: 'x' },
    what,
  ]);

async function mailSubjects(): Promise<string[]> {
  const answer = await fetch(`${mailUrl(config)}/api/messages?to=${encodeURIComponent(user.email)}`);
  return ((await answer.json()) as { subject: string }[]).map(({ subject }) => subject);
}

async function healthNow(): Promise<string> {
  const { status, parts } = await health();
  return `${status} ${parts.database}`;
}

/** Kills the server in a way nothing can be prepared for, and waits until another one serves every part. */
async function killAndWait(meanwhile = async () => {}): Promise<void> {
  const pid = stack.databasePid();
  if (pid === undefined) throw new Error('the database does not run');
  process.kill(pid, 'SIGKILL');
  await meanwhile();
  await expect.poll(() => ![pid, undefined].includes(stack.databasePid())).toBe(true);
  await expect.poll(healthNow).toBe('200 up');
}

beforeAll(async () => {
  const holder = lockHolder(config);
  if (holder) throw alreadyRunning(config, holder.pid, holder.api);
  await stopEverything(config);
  await removeData(config);
  const log = createLog((text) => said.push(text.trimEnd()));
  stack = await startStack(config, { log, seed: false });
  const supabase = createClient(apiUrl(config), config.publishableKey, {
    ...noSession,
    realtime: { transport: WebSocket as unknown as Transport },
  });
  journey = createJourney({ supabase });
  const email = `killed-${crypto.randomUUID()}@example.test`;
  const password = 'correct horse battery';
  const { data, error } = await journey.auth.signUp({ email, password, displayName: 'Lan', locale: 'en' });
  if (error) throw error;
  user = { id: data.user.id, email };
  channel = supabase.channel(`user:${user.id}`, { config: { private: true } });
  channel.on('broadcast', { event: 'notification' }, (message) => heard.push(message.payload));
  await new Promise<void>((resolve, reject) => {
    channel.subscribe((status, failure) => {
      told.push(status);
      if (status === 'SUBSCRIBED') resolve();
      else reject(failure ?? new Error(status));
    });
  });
  // pg_cron 1.4 knows no seconds, but this job runs whenever the server begins
  await sql('create table private.begun (at timestamptz not null default clock_timestamp())');
  await sql(`select cron.schedule('begun', '@reboot', 'insert into private.begun default values')`);
});

afterAll(async () => {
  await stack?.stop();
  await removeData(config);
});

describe('a database that is killed', () => {
  it('is back within seconds while callers are using it', async () => {
    await notify('before');
    await expect.poll(() => heard.length).toBe(1);
    expect((await health()).status).toBe(200);
    // every part that talks to the database has somebody waiting for it when it happens
    const over = new AbortController();
    const keepOn = async (work: () => Promise<unknown>) => {
      while (!over.signal.aborted) await Promise.all([work().catch(() => {}), delay(5)]);
    };
    const storage = () =>
      fetch(`${apiUrl(config)}/storage/v1/bucket`, { headers: { apikey: config.secretKey } });
    const works = [() => journey.profiles.me(), () => journey.profiles.update({ bio: 'busy' }), storage];
    const busy = [...works, ...works, health, () => signUpOther()].map(keepOn);
    await delay(200);
    await killAndWait();
    over.abort();
    await Promise.all(busy);
    expect(said.filter((line) => line.startsWith('! The database'))).toEqual([
      '! The database stopped; it starts again with the same data.',
    ]);
  });

  it('serves the signed-in client: reads, writes, files and new people', async () => {
    const me = await journey.profiles.me();
    expect(me).toMatchObject({ error: null, data: { id: user.id, display_name: 'Lan' } });
    const bio = crypto.randomUUID();
    expect((await journey.profiles.update({ bio })).error).toBeNull();
    expect((await journey.profiles.me()).data?.bio).toBe(bio);
    const file = { purpose: 'vehicle_image', file: photo('killed'), mimeType: 'image/jpeg' } as const;
    expect((await journey.media.upload(file)).error).toBeNull();
    expect((await signUpOther()).error).toBeNull();
  });

  it('reaches a channel that was joined before', async () => {
    const before = heard.length;
    // what commits before the stream has begun again is not delivered live
    const tell = async () => {
      await notify(crypto.randomUUID());
      return heard.length;
    };
    await expect.poll(tell, { interval: 100 }).toBeGreaterThan(before);
    expect([told, channel.state]).toEqual([['SUBSCRIBED'], 'joined']);
  });

  it('has the rows of its outbox performed', async () => {
    await notify('after');
    await expect.poll(mailSubjects).toContainEqual(expect.stringContaining('after'));
    expect(await mailSubjects()).toContainEqual(expect.stringContaining('before'));
  });

  it('runs its jobs', async () => {
    const begun = () => sql('select from private.begun').then((rows) => rows.length);
    await expect.poll(begun).toBe(1);
  });

  it('ends the processes that its killed server left running, and comes back a second time', async () => {
    // a busy process notices only at its end that its server is gone
    const spin = sql(`do $$
      declare v_end timestamptz := clock_timestamp() + interval '1 hour';
      begin while clock_timestamp() < v_end loop end loop; end $$`).catch(() => {});
    const spins =
      "select from pg_stat_activity where query like '%v_end%' and state = 'active' and pid <> pg_backend_pid()";
    await expect.poll(async () => (await sql(spins)).length).toBeGreaterThan(0);
    await killAndWait(() => expect.poll(healthNow).toBe('503 down'));
    await spin;
    const log = readFileSync(serverLog(await dataFolder(config, await clusterOwner())), 'utf8');
    expect(log).toContain('pre-existing shared memory block');
    expect((await journey.profiles.me()).data?.id).toBe(user.id);
  });

  it('stays away when the stack is told to stop', async () => {
    const pid = stack.databasePid() ?? 0;
    process.kill(pid, 'SIGKILL');
    await expect.poll(() => stack.databasePid()).toBeUndefined();
    const lines = said.length;
    await stack.stop();
    await delay(2500);
    expect(stack.databasePid()).toBeUndefined();
    expect(said.slice(lines)).toEqual([]);
  });
});
