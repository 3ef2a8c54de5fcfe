import { afterAll, describe, expect, it } from 'vitest';
import {
  client,
  closeSql,
  eventually,
  mailsTo,
  ok,
  type Person,
  person,
  refusal,
  sql,
  upload,
} from '../support/world.ts';

const password = 'correct horse battery';

/** Enters a step-up code, as an app does. */
async function stepUp({ journey, email }: Person): Promise<void> {
  await ok(journey.otp.send({ purpose: 'step_up' }));
  const code = await eventually(async () => {
    const mails = await mailsTo(email);
    return mails.map(({ subject }) => /^(\d{6}) confirms/.exec(subject)?.[1]).find(Boolean);
  });
  await ok(journey.otp.verify({ purpose: 'step_up', code }));
}

const storedFiles = async (id: string): Promise<number> => {
  const [row] = await sql<{ count: number }>(
    `select count(*)::int as count from storage.objects where name like $1 || '/%'`,
    [id],
  );
  return row?.count ?? -1;
};

afterAll(closeSql);

describe('a person who deletes the account', () => {
  it('enters a code, is gone from Auth, files and sessions, and may come back with the same address', async () => {
    const one = await person('leaver');
    const elsewhere = client();
    await ok(elsewhere.auth.signIn({ email: one.email, password }));
    const pictures = [await upload(one, 'avatar'), await upload(one, 'licence')];
    for (const picture of pictures) await ok(one.journey.media.whenReady(picture));
    // an original and its sizes for each
    expect(await storedFiles(one.id)).toBeGreaterThan(2);
    expect(await refusal(one.journey.account.delete())).toBe('step_up_required');
    await stepUp(one);

    expect(await ok(one.journey.account.delete())).toMatchObject({ deleted_at: expect.any(String) });
    expect(await ok(one.journey.auth.session())).toBeNull();
    const refreshed = await elsewhere.supabase.auth.refreshSession();
    expect(refreshed.error).not.toBeNull();
    expect((await client().auth.signIn({ email: one.email, password })).error).not.toBeNull();

    await eventually(async () => (await storedFiles(one.id)) === 0 || null);
    await eventually(async () =>
      (await mailsTo(one.email)).find(({ subject }) => subject === 'Your account was deleted'),
    );
    const left = await eventually(async () => {
      const [user] = await sql<Record<string, unknown>>(
        'select email, phone, encrypted_password, raw_user_meta_data from auth.users where id = $1 and deleted_at is not null',
        [one.id],
      );
      return user;
    });
    expect(left).toMatchObject({ encrypted_password: null, raw_user_meta_data: {} });
    expect(left.email).not.toContain('@');
    const again = await ok(
      client().auth.signUp({ email: one.email, password, displayName: 'Back', locale: 'en' }),
    );
    expect(again.user.id).not.toBe(one.id);
  });

  it('gets the same answer when it was lost and the call is repeated', async () => {
    const one = await person('repeater');
    await stepUp(one);
    const token = (await ok(one.journey.auth.session()))?.access_token ?? '';
    const first = await ok(one.journey.account.delete());
    const { data } = await client()
      .supabase.rpc('delete_account')
      .setHeader('authorization', `Bearer ${token}`);
    expect(data).toEqual(first);
  });
});
