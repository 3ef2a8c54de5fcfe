import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createClient } from '@supabase/supabase-js';
import { afterEach, describe, expect, it } from 'vitest';
import { createJourney } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

const root = join(import.meta.dirname, '../..');

/** A program of its own, signed in and with a live subscription; `then` is what it does next. */
function start(then: string): ChildProcess {
  const script = `
    import { createJourney } from './sdk/src/index.ts';
    const { API_URL: url, PUBLISHABLE_KEY: publishableKey } = process.env;
    const journey = createJourney({ url, publishableKey });
    const { error } = await journey.auth.signIn({ email: 'renter@journey.example', password: 'journey-demo' });
    if (error) throw error;
    await journey.notifications.subscribe({
      onNotification: () => {},
      onStatus: async (status) => {
        console.log(status);
        if (status === 'live') { ${then} }
      },
    });`;
  return spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

/** Reads what it says until this line comes. */
async function saying(child: ChildProcess, wanted: string): Promise<void> {
  if (!child.stdout) throw new Error('its output is not read');
  for await (const line of createInterface({ input: child.stdout })) if (line === wanted) return;
  throw new Error(`it ended without saying ${wanted}`);
}

describe('a program that closes its client', () => {
  it('exits by itself, at once', async () => {
    const child = start(`await journey.close(); console.log('closed');`);
    const exited = once(child, 'exit');
    await saying(child, 'closed');
    const closedAt = performance.now();
    expect((await exited)[0]).toBe(0);
    // realtime-js alone would hold it for ten seconds
    expect(performance.now() - closedAt).toBeLessThan(8000);
  });

  it('would live on without', async () => {
    const child = start('');
    const exited = once(child, 'exit');
    await saying(child, 'live');
    const ended = await Promise.race([
      exited.then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 3000)),
    ]);
    child.kill('SIGKILL');
    expect(ended).toBe(false);
    await exited;
  });
});

describe('closing a client', () => {
  let api: FakeApi;
  afterEach(() => api.close());

  it('ends calls and waits under way, and refuses every later call', async () => {
    api = await startFakeApi();
    api.answer('hang');
    const call = api.journey.payments.methods();
    const waited = api.journey.payments.waitUntilFinal(crypto.randomUUID());
    await expect.poll(() => api.seen.length).toBe(2);
    await api.journey.close();
    for (const { error } of [await call, await waited, await api.journey.payments.methods()])
      expect(error).toMatchObject({ code: 'aborted', message: 'The client was closed.', retryable: false });
    expect(api.seen).toHaveLength(2);
  });

  it('ends a wait between two tries', async () => {
    api = await startFakeApi();
    const slow = createJourney({
      url: api.url,
      publishableKey: 'sb_publishable_test',
      auth: { persistSession: false, autoRefreshToken: false },
      retry: { baseDelayMs: 600_000, maxDelayMs: 600_000 },
    });
    api.answer({ status: 503 });
    const call = slow.payments.methods();
    await expect.poll(() => api.seen.length).toBe(1);
    await slow.close();
    expect((await call).error?.code).toBe('aborted');
  });

  it('leaves a Supabase client that was passed in to the one who made it', async () => {
    api = await startFakeApi();
    const supabase = createClient(api.url, 'sb_publishable_test', {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const heard: string[] = [];
    supabase.auth.onAuthStateChange((event) => heard.push(event));
    const channel = supabase.channel('of-the-app');
    await createJourney({ supabase }).close();
    expect(supabase.getChannels()).toContain(channel);
    const before = heard.length;
    await supabase.auth.signOut();
    await expect.poll(() => heard.length).toBeGreaterThan(before);
    await supabase.removeAllChannels();
  });
});
