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

  it('sends a sign-in code through the mail catcher, and takes it once', async () => {
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
});
