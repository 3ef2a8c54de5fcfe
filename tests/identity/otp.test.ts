import { randomInt, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createJourney, type Journey, type Result } from '../../sdk/src/index.ts';
import { fetchFrom } from '../support/fetch-from.ts';
import { anyMobile } from '../support/phones.ts';
import { setting } from '../support/setting.ts';
import { eventually } from '../support/world.ts';

const password = 'correct horse battery';
const anyNumber = () => anyMobile().replace('+84', '0');
const anyAddress = () => `otp-${randomUUID()}@example.com`;

/** A client on a network of its own, because limits count per network. */
function connect(): Journey {
  const network = `127.${randomInt(1, 255)}.${randomInt(255)}.${randomInt(255)}`;
  return createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
    fetch: fetchFrom(network),
  });
}

async function member(): Promise<{ journey: Journey; email: string }> {
  const journey = connect();
  const email = anyAddress();
  must(await journey.auth.signUp({ email, password, displayName: 'Lan' }));
  return { journey, email };
}

function must<T>(result: Result<T>): T {
  if (result.error) throw result.error;
  return result.data;
}

/** The codes sent to an address, newest first. */
async function codesTo(address: string): Promise<string[]> {
  const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(address)}`);
  const mails = (await answer.json()) as { text: string }[];
  return mails.flatMap((mail) => /\b[0-9]{6}\b/.exec(mail.text)?.[0] ?? []);
}

const codeTo = (address: string): Promise<string> => eventually(async () => (await codesTo(address))[0]);

const wrongFor = (code: string) => (code === '000000' ? '000001' : '000000');

describe('one-time codes', () => {
  it('verify a mail address', async () => {
    const { journey, email } = await member();
    expect(must(await journey.otp.send({ purpose: 'verify_email' }))).toMatchObject({ channel: 'email' });
    const code = await codeTo(email);
    const wrong = await journey.otp.verify({ purpose: 'verify_email', code: wrongFor(code) });
    expect(wrong.error).toMatchObject({ code: 'code_wrong', details: { tries_left: 4 } });
    must(await journey.otp.verify({ purpose: 'verify_email', code }));
    expect(must(await journey.profiles.me()).email_verified_at).not.toBeNull();
    const again = await journey.otp.send({ purpose: 'verify_email' });
    expect(again.error).toMatchObject({ code: 'rate_limited', status: 429 });
    expect(again.error?.details.retry_after).toBeGreaterThan(0);
  });

  it('verify a phone by SMS, however the number is written', async () => {
    const { journey, email } = await member();
    const phone = anyNumber();
    expect((await journey.otp.send({ purpose: 'verify_phone', phone })).error?.code).toBe('step_up_required');
    must(await journey.otp.send({ purpose: 'step_up' }));
    must(await journey.otp.verify({ purpose: 'step_up', code: await codeTo(email) }));
    must(await journey.otp.send({ purpose: 'verify_phone', phone }));
    const code = await codeTo(`+84${phone.slice(1)}`);
    const written = `+84 ${phone.slice(1, 4)} ${phone.slice(4)}`;
    must(await journey.otp.verify({ purpose: 'verify_phone', phone: written, code }));
    expect(must(await journey.profiles.me()).phone).toBe(`+84${phone.slice(1)}`);
  });

  it('let five of a hundred guesses at the same moment count, and no more', async () => {
    const { journey, email } = await member();
    must(await journey.otp.send({ purpose: 'step_up' }));
    const code = await codeTo(email);
    const guesses = Array.from({ length: 100 }, (_, n) => String(n).padStart(6, '0')).filter(
      (guess) => guess !== code,
    );
    // every guess from a network of its own, as somebody with many machines would do
    const { data } = await journey.supabase.auth.getSession();
    const answers = await Promise.all(
      guesses.map(async (guess, n) => {
        const answer = await fetchFrom(`127.16.0.${n + 1}`)(`${setting('API_URL')}/functions/v1/otp/verify`, {
          method: 'POST',
          headers: {
            authorization: `Bearer ${data.session?.access_token}`,
            apikey: setting('PUBLISHABLE_KEY'),
            'content-type': 'application/json',
          },
          body: JSON.stringify({ purpose: 'step_up', code: guess }),
        });
        return ((await answer.json()) as { error: { code: string } }).error.code;
      }),
    );
    expect(answers.filter((answer) => answer === 'code_wrong')).toHaveLength(4);
    expect(answers.filter((answer) => answer === 'code_expired')).toHaveLength(guesses.length - 4);
    expect((await journey.otp.verify({ purpose: 'step_up', code })).error?.code).toBe('code_expired');
  });

  it('set a new password for somebody who cannot sign in, and end the sessions', async () => {
    const { journey: signedIn, email } = await member();
    const stranger = connect();
    must(await stranger.otp.sendReset({ email: email.toUpperCase() }));
    const code = await codeTo(email);
    const short = await stranger.otp.resetPassword({ email, code, password: 'short' });
    expect(short.error).toMatchObject({ code: 'invalid_input', details: { field: 'password' } });
    must(await stranger.otp.resetPassword({ email, code, password: 'another long password' }));
    expect((await stranger.auth.signIn({ email, password })).error).not.toBeNull();
    must(await stranger.auth.signIn({ email, password: 'another long password' }));
    expect((await signedIn.supabase.auth.refreshSession()).error).not.toBeNull();
    const reused = await stranger.otp.resetPassword({ email, code, password: 'a third long password' });
    expect(reused.error?.code).toBe('code_expired');
    await eventually(async () => {
      const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(email)}`);
      const subjects = ((await answer.json()) as { subject: string }[]).map((mail) => mail.subject);
      return (
        subjects.some((subject) => /Your password was changed|Mật khẩu của bạn/.test(subject)) || undefined
      );
    });
  });

  it('answer a stranger the same for an address with and without an account', async () => {
    const { email } = await member();
    const nobody = anyAddress();
    const shape = async (address: string) => {
      const stranger = connect();
      const sent = await stranger.otp.sendReset({ email: address });
      const tooSoon = await stranger.otp.sendReset({ email: address });
      const wrong = await stranger.otp.resetPassword({ email: address, code: '000000', password });
      return [Object.keys(must(sent)), tooSoon.error?.code, wrong.error?.code, wrong.error?.details];
    };
    const known = await shape(email);
    expect(await shape(nobody)).toEqual(known);
    expect(known[2]).toBe('code_wrong');
    await codeTo(email);
    expect(await codesTo(nobody)).toEqual([]);
  });
});
