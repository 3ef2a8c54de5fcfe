import { describe, expect, it } from 'vitest';
import { asPostgres, member, stack, visitor } from './harness.ts';

interface CaughtMail {
  to: string[];
  subject: string;
  text: string;
}

async function mailsTo(address: string): Promise<CaughtMail[]> {
  const answer = await fetch(`${stack.MAIL_URL}/api/messages?to=${encodeURIComponent(address)}`);
  return (await answer.json()) as CaughtMail[];
}

describe('Auth', () => {
  it('signs up, refuses a wrong password, signs in and refreshes', async () => {
    const user = await member();
    const other = visitor();
    const wrong = await other.auth.signInWithPassword({ email: user.email, password: 'not the password' });
    expect(wrong.error?.code).toBe('invalid_credentials');
    const right = await other.auth.signInWithPassword({ email: user.email, password: 'a-long-password' });
    expect(right.data.user?.id).toBe(user.id);
    const again = await other.auth.refreshSession();
    expect(again.error).toBeNull();
    expect(again.data.session?.refresh_token).not.toBe(right.data.session?.refresh_token);
  });

  it('verifies a user for a function by getClaims and by getUser', async () => {
    const user = await member();
    const claims = await visitor().auth.getClaims(user.token);
    expect(claims.data?.claims).toMatchObject({ sub: user.id, role: 'authenticated', email: user.email });
    const found = await visitor().auth.getUser(user.token);
    expect(found.data.user?.id).toBe(user.id);
    const broken = await visitor().auth.getUser(`${user.token}x`);
    expect(broken.error).not.toBeNull();
  });

  it('sends a sign-in code through the mail catcher, and accepts it once', async () => {
    const user = await member();
    const { error } = await visitor().auth.signInWithOtp({ email: user.email });
    expect(error).toBeNull();
    const [mail] = await mailsTo(user.email);
    const token = /code is: (\d{6})/.exec(mail?.text ?? '')?.[1] ?? '';
    const first = await visitor().auth.verifyOtp({ email: user.email, token, type: 'email' });
    expect(first.data.user?.id).toBe(user.id);
    const second = await visitor().auth.verifyOtp({ email: user.email, token, type: 'email' });
    expect(second.error).not.toBeNull();
  });

  it('mails links that lead to the API, not to the site', async () => {
    const user = await member();
    await visitor().auth.resetPasswordForEmail(user.email);
    const [mail] = await mailsTo(user.email);
    expect(mail?.text).toContain(`${stack.API_URL}/auth/v1/verify?`);
  });

  it('stores a password as a bcrypt hash at sign-up and after a change', async () => {
    const user = await member();
    const hash = () =>
      asPostgres(async (db) => {
        const { rows } = await db.query('select encrypted_password as hash from auth.users where id = $1', [
          user.id,
        ]);
        return String(rows[0]?.hash);
      }, stack.ADMIN_DB_URL);
    const first = await hash();
    expect(first).toMatch(/^\$2[aby]\$\d\d\$.{53}$/);
    await user.client.auth.updateUser({ password: 'another-long-password' });
    expect(await hash()).toMatch(/^\$2[aby]\$\d\d\$.{53}$/);
    expect(await hash()).not.toBe(first);
  });

  it('stores metadata as objects, not as text', async () => {
    const client = visitor();
    const email = `stack-${crypto.randomUUID()}@example.test`;
    const options = { data: { display_name: 'Nguyễn Văn A' } };
    await client.auth.signUp({ email, password: 'a-long-password', options });
    await asPostgres(async (db) => {
      const { rows } = await db.query(
        `select jsonb_typeof(raw_user_meta_data) as kind, raw_user_meta_data ->> 'display_name' as name
         from auth.users where email = $1`,
        [email],
      );
      expect(rows[0]).toEqual({ kind: 'object', name: 'Nguyễn Văn A' });
    });
  });

  const post = async (path: string, body: unknown) => {
    const answer = await fetch(`${stack.API_URL}/auth/v1/${path}`, {
      method: 'POST',
      headers: { apikey: stack.PUBLISHABLE_KEY, 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
  };
  const paths = ['signup', 'token?grant_type=password', 'otp', 'recover'];

  it.each(paths)('refuses what cannot be stored or read in the body of /%s', async (path) => {
    const good = { email: `stack-${crypto.randomUUID()}@example.test`, password: 'a-long-password' };
    const bodies: [body: unknown, code: string][] = [
      [{ ...good, email: 'a\0@example.test' }, 'validation_failed'],
      [{ ...good, password: 'a-long\0password' }, 'validation_failed'],
      [{ ...good, data: { 'display\0name': 'x' } }, 'validation_failed'],
      [{ ...good, email: 5 }, 'bad_json'],
      [{ ...good, password: { a: 1 } }, 'bad_json'],
    ];
    for (const [body, code] of bodies) {
      expect(await post(path, body)).toMatchObject({ status: 400, body: { error_code: code } });
    }
  });

  it('stores an unpaired surrogate as the replacement character', async () => {
    const email = `stack-${crypto.randomUUID()}@example.test`;
    const body = `{"email":"${email}","password":"a-long-password","data":{"display_name":"x\\ud800"}}`;
    const { status, body: answer } = await post('signup', body);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ user: { user_metadata: { display_name: 'x\ufffd' } } });
  });

  it('takes as long to refuse a password when the account does not exist', async () => {
    const user = await member();
    const took = async (email: string) => {
      const began = performance.now();
      const { status } = await post('token?grant_type=password', { email, password: 'not the password' });
      expect(status).toBe(400);
      return performance.now() - began;
    };
    expect(await took(`nobody-${crypto.randomUUID()}@example.test`)).toBeGreaterThan(490);
    expect(await took(user.email)).toBeGreaterThan(490);
  });

  it('refuses a banned user by password, by refresh token and by mailed code', async () => {
    const user = await member();
    const { data } = await user.client.auth.getSession();
    const refresh = data.session?.refresh_token;
    await visitor().auth.signInWithOtp({ email: user.email });
    const [mail] = await mailsTo(user.email);
    const token = /code is: (\d{6})/.exec(mail?.text ?? '')?.[1] ?? '';
    const ban = (until: string) =>
      asPostgres(
        (db) => db.query('update auth.users set banned_until = $2 where id = $1', [user.id, until]),
        stack.ADMIN_DB_URL,
      );
    const sessions = () =>
      asPostgres(async (db) => {
        const { rows } = await db.query('select id from auth.sessions where user_id = $1', [user.id]);
        return rows.length;
      }, stack.ADMIN_DB_URL);
    const before = await sessions();
    await ban('2100-01-01');
    const refused = { status: 400, body: { error_code: 'user_banned' } };
    const password = { email: user.email, password: 'a-long-password' };
    expect(await post('token?grant_type=password', password)).toMatchObject(refused);
    expect(await post('token?grant_type=refresh_token', { refresh_token: refresh })).toMatchObject(refused);
    expect(await post('verify', { email: user.email, token, type: 'email' })).toMatchObject(refused);
    expect(await sessions()).toBe(before);
    const wrong = await post('token?grant_type=password', { ...password, password: 'not the password' });
    expect(wrong.body.error_code).toBe('invalid_credentials');
    await ban('2020-01-01');
    expect((await post('token?grant_type=refresh_token', { refresh_token: refresh })).status).toBe(200);
  });
});
