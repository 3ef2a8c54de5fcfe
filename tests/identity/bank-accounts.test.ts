import { afterAll, describe, expect, it } from 'vitest';
import { createIdempotencyKey } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { client, closeSql, eventually, ok, type Person, person, sql } from '../support/world.ts';

afterAll(closeSql);

const account = { bankBin: '970436', accountNumber: '0011223344', holderName: 'Nguyễn Văn A' };

/** The newest code that the mail catcher has for an address. */
const codeTo = ({ email }: Person): Promise<string> =>
  eventually(async () => {
    const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(email)}`);
    const mails = (await answer.json()) as { text: string }[];
    return mails.flatMap((mail) => /^([0-9]{6})\n/.exec(mail.text)?.[1] ?? [])[0];
  });

async function stepUpForReal(one: Person): Promise<void> {
  await ok(one.journey.otp.send({ purpose: 'step_up' }));
  await ok(one.journey.otp.verify({ purpose: 'step_up', code: await codeTo(one) }));
}

describe('a bank account', () => {
  it('is set and removed in a session in which its owner has entered a code, and in no other', async () => {
    const one = await person('host');
    const options = { idempotencyKey: createIdempotencyKey() };
    const refused = await one.journey.payouts.setBankAccount(account, options);
    expect(refused.error).toMatchObject({ code: 'step_up_required', status: 403, outcome: 'not_applied' });
    await stepUpForReal(one);
    // the key of the refused call
    const set = await ok(one.journey.payouts.setBankAccount(account, options));
    expect(set).toMatchObject({ account_last4: '3344', holder_name: 'NGUYEN VAN A' });

    const thief = client();
    await ok(thief.auth.signIn({ email: one.email, password: 'correct horse battery' }));
    const stolen = await thief.payouts.setBankAccount({ ...account, accountNumber: '9999999999' });
    expect(stolen.error?.code).toBe('step_up_required');
    expect((await thief.payouts.removeBankAccount()).error?.code).toBe('step_up_required');
    expect((await ok(one.journey.payouts.bankAccount()))?.id).toBe(set.id);

    await sql('update private.step_ups set valid_until = now() where user_id = $1', [one.id]);
    expect((await one.journey.payouts.removeBankAccount()).error?.code).toBe('step_up_required');
    expect((await ok(one.journey.payouts.setBankAccount(account, options))).id).toBe(set.id);
  });

  it('is not taken over by a phone that a stolen session adds', async () => {
    const one = await person('host');
    const { error } = await one.journey.otp.send({ purpose: 'verify_phone', phone: '0900000009' });
    expect(error?.code).toBe('step_up_required');
  });
});
