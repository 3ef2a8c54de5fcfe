import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, it } from 'vitest';
import { createJourney, type Journey } from '../../sdk/src/index.ts';
import { anyMobile } from '../support/phones.ts';
import { setting } from '../support/setting.ts';
import { closeSql, eventually, ok, person, sql, stepUp } from '../support/world.ts';

afterAll(closeSql);

const password = 'correct horse battery';

function connect(): Journey {
  return createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
  });
}

/** The codes that went to a number, newest first. */
async function codesTo(phone: string): Promise<string[]> {
  const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(phone)}`);
  const messages = (await answer.json()) as { text: string }[];
  return messages.flatMap(({ text }) => /\b[0-9]{6}\b/.exec(text)?.[0] ?? []);
}
const codeTo = (phone: string): Promise<string> => eventually(async () => (await codesTo(phone))[0]);

/** Somebody with a mail address, a password and a proved number. */
async function withPhone(phone: string): Promise<{ email: string; id: string }> {
  const one = await person('Lan');
  await stepUp(one);
  await ok(one.journey.otp.send({ purpose: 'verify_phone', phone }));
  await ok(one.journey.otp.verify({ purpose: 'verify_phone', phone, code: await codeTo(phone) }));
  return one;
}

describe('signing in with a phone number', () => {
  it('begins an account by a code, which is accepted once, and has the number in the profile', async () => {
    const journey = connect();
    const phone = anyMobile();
    await ok(journey.auth.sendCode({ phone, displayName: 'Hoa', locale: 'en' }));
    const code = await codeTo(phone);
    const wrong = code === '000000' ? '000001' : '000000';
    expect((await connect().auth.signInWithCode({ phone, code: wrong })).error?.code).toBe('code_expired');
    const { user } = await ok(journey.auth.signInWithCode({ phone, code }));
    expect(await ok(journey.profiles.me())).toMatchObject({
      id: user.id,
      display_name: 'Hoa',
      phone,
      locale: 'en',
    });
    expect((await connect().auth.signInWithCode({ phone, code })).error?.code).toBe('code_expired');
    const { data } = await journey.supabase.auth.refreshSession();
    expect(data.user?.id).toBe(user.id);
  });

  it('comes back to the same account by a later code, and by a password that was set meanwhile', async () => {
    const first = connect();
    const phone = anyMobile();
    await ok(first.auth.sendCode({ phone, displayName: 'Hoa' }));
    const { user } = await ok(first.auth.signInWithCode({ phone, code: await codeTo(phone) }));
    await sql(`update auth.users set recovery_sent_at = now() - interval '5 minutes' where id = $1`, [
      user.id,
    ]);
    const second = connect();
    const [before] = await codesTo(phone);
    await ok(second.auth.sendCode({ phone, createsAccount: false }));
    const code = await eventually(async () => (await codesTo(phone)).find((one) => one !== before));
    expect((await ok(second.auth.signInWithCode({ phone, code }))).user.id).toBe(user.id);
    await ok(second.auth.updatePassword(password));
    expect((await ok(connect().auth.signIn({ phone, password }))).user.id).toBe(user.id);
  });

  it('opens an account with a mail address by the number that a code proved, and its password', async () => {
    const phone = anyMobile();
    const one = await withPhone(phone);
    expect((await ok(connect().auth.signIn({ phone, password }))).user.id).toBe(one.id);
    expect((await ok(connect().auth.signIn({ email: one.email, password }))).user.id).toBe(one.id);
    expect((await connect().auth.signIn({ phone, password: 'something else' })).error?.code).toBe(
      'unauthenticated',
    );
    expect((await connect().auth.signIn({ phone: anyMobile(), password })).error?.code).toBe(
      'unauthenticated',
    );
  });

  it('refuses a number that is none, and an account that is not to be made', async () => {
    const journey = connect();
    expect((await journey.auth.sendCode({ phone: '12' })).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'phone' },
    });
    const stranger = await journey.auth.sendCode({ phone: anyMobile(), createsAccount: false });
    expect(stranger.error?.code).toBe('invalid_input');
    const email = `nobody-${randomUUID()}@example.com`;
    expect((await journey.auth.signInWithCode({ email, code: '123456' })).error?.code).toBe('code_expired');
  });
});
