import { afterAll, describe, expect, it } from 'vitest';
import { client, closeSql, ok, person, refusal, stepUp, upload } from '../support/world.ts';

const password = 'correct horse battery';

afterAll(closeSql);

describe('an export', () => {
  it('has everything about its person, with files that open', async () => {
    const one = await person('exporter');
    await ok(one.journey.media.whenReady(await upload(one, 'licence', 'exported')));
    expect(await refusal(one.journey.account.export())).toBe('step_up_required');
    await stepUp(one);
    const data = await ok(one.journey.account.export());
    expect(data.account.email).toBe(one.email);
    expect(data.tables.profiles).toMatchObject([{ id: one.id, display_name: 'exporter' }]);
    expect(data.files).toMatchObject([{ purpose: 'licence', mime_type: 'image/jpeg' }]);
    expect((await fetch(data.files[0]?.url ?? '')).status).toBe(200);
  });
});

describe('the sessions of a person', () => {
  it('are listed, and one of them can be ended from another device', async () => {
    const one = await person('traveller');
    const elsewhere = client();
    await ok(elsewhere.auth.signIn({ email: one.email, password }));
    const sessions = await ok(one.journey.account.sessions());
    expect(sessions.map(({ is_current }) => is_current).sort()).toEqual([false, true]);
    const other = sessions.find(({ is_current }) => !is_current);
    await ok(one.journey.account.endSession(other?.id ?? ''));
    expect((await elsewhere.supabase.auth.refreshSession()).error).not.toBeNull();
    expect(await ok(one.journey.account.sessions())).toMatchObject([{ is_current: true }]);
    expect((await one.journey.supabase.auth.refreshSession()).error).toBeNull();
  });

  it('end on all other devices by one call', async () => {
    const one = await person('nomad');
    const others = [client(), client()];
    for (const other of others) await ok(other.auth.signIn({ email: one.email, password }));
    await ok(one.journey.auth.signOut({ scope: 'others' }));
    expect(await ok(one.journey.account.sessions())).toMatchObject([{ is_current: true }]);
    for (const other of others) expect((await other.supabase.auth.refreshSession()).error).not.toBeNull();
  });
});
