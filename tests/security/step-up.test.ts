import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bankAccount, client, closeSql, ok, type Person, person, stepUp } from '../support/world.ts';
import { codeOf, post, tokenOf } from './attack.ts';

let victim: Person;
let stolen: string;

// Somebody has the password and is signed in beside the owner, who confirmed it was them in the own session.
beforeAll(async () => {
  victim = await person('victim');
  await stepUp(victim);
  const beside = client();
  await ok(beside.auth.signIn({ email: victim.email, password: 'correct horse battery' }));
  stolen = await tokenOf({ journey: beside, id: victim.id, email: victim.email });
});
afterAll(closeSql);

const account = () => ({
  bank_bin: '970436',
  account_number: '9999999999',
  holder_name: 'MALLORY',
  idempotency_key: crypto.randomUUID(),
});
const set = (token: string) => post('/rest/v1/rpc/set_bank_account', account(), { token });

describe('a step-up', () => {
  it('holds for the session in which the code was entered, and for no other session or person', async () => {
    expect(codeOf(await set(stolen))).toBe('step_up_required');
    expect(codeOf(await set(await tokenOf(await person('stranger'))))).toBe('step_up_required');
    expect((await set(await tokenOf(victim))).status).toBe(200);
  });

  it('is given by no argument, header or claim of the caller', async () => {
    const headers = { 'x-session-id': crypto.randomUUID(), 'x-step-up': 'true' };
    const extra = await post(
      '/rest/v1/rpc/set_bank_account',
      { ...account(), session_id: victim.id },
      { token: stolen },
    );
    expect(extra.status).toBe(404);
    expect(codeOf(await post('/rest/v1/rpc/set_bank_account', account(), { token: stolen, headers }))).toBe(
      'step_up_required',
    );
    for (const table of ['step_ups', 'otp_challenges', 'otp_codes']) {
      expect((await post(`/rest/v1/${table}`, { user_id: victim.id }, { token: stolen })).status).toBe(404);
    }
  });

  it('is forgotten with its session: a new sign-in of the same person must confirm again', async () => {
    const one = await person('owner');
    await bankAccount(one);
    await ok(one.journey.auth.signOut());
    await ok(one.journey.auth.signIn({ email: one.email, password: 'correct horse battery' }));
    expect(codeOf(await set(await tokenOf(one)))).toBe('step_up_required');
  });
});
