import { describe, expect, it } from 'vitest';
import { errorOf, fakeOutside, user, userPost } from '../../../tests/support/fakes.ts';
import { readTestCodes } from '../_shared/sms/test-codes.ts';
import { drawCode } from './draw-code.ts';
import { handle } from './handler.ts';

const sent = { channel: 'sms', expires_at: '2026-11-20T05:05:00Z', resend_at: '2026-11-20T05:01:00Z' };
const passed = { outcome: 'passed', challenge_id: crypto.randomUUID(), user_id: user.id };
const noToken = { authorization: '' };

describe('POST /otp/send', () => {
  it('sends a drawn code to the number in its international form, and answers no code', async () => {
    const { deps, calls } = fakeOutside({ start_otp: () => sent });
    const body = { purpose: 'verify_phone', phone: '0912 345 678' };
    const answer = await handle(deps)(
      userPost('/otp/send', body, { 'x-forwarded-for': '2001:db8:1:2:3:4:5:6' }),
    );
    expect([answer.status, await answer.json()]).toEqual([200, sent]);
    expect(calls[0]).toMatchObject({
      as: 'service',
      args: {
        address: '+84912345678',
        country_code: '84',
        user_id: user.id,
        is_sent: true,
        ip: '2001:db8:1:2',
      },
    });
    expect(calls[0]?.args.code).toMatch(/^[0-9]{6}$/);
  });

  it('refuses a number that is none, and a purpose that is not for the signed-in', async () => {
    const { deps } = fakeOutside({});
    for (const [body, field] of [
      [{ purpose: 'verify_phone', phone: '12345678' }, 'phone'],
      [{ purpose: 'verify_phone' }, 'phone'],
      [{ purpose: 'verify_email', phone: '0912345678' }, 'phone'],
      [{ purpose: 'reset_password' }, 'purpose'],
    ] as const) {
      const error = await errorOf(await handle(deps)(userPost('/otp/send', body)));
      expect(error, JSON.stringify(body)).toMatchObject({ code: 'invalid_input', details: { field } });
    }
    expect((await handle(deps)(userPost('/otp/send', { purpose: 'step_up' }, noToken))).status).toBe(401);
  });

  it('says at once that SMS cannot be sent, and still takes a code that is known beforehand', async () => {
    const body = { purpose: 'verify_phone', phone: '0900000001' };
    const off = fakeOutside({ start_otp: () => sent }, { noSms: true });
    expect(await errorOf(await handle(off.deps)(userPost('/otp/send', body)))).toMatchObject({
      code: 'sms_unavailable',
    });
    const testCodes = new Map([['+84900000001', '000000']]);
    const review = fakeOutside({ start_otp: () => sent }, { noSms: true, testCodes });
    expect((await handle(review.deps)(userPost('/otp/send', body))).status).toBe(200);
    expect(review.calls[0]?.args).toMatchObject({ code: '000000', is_sent: false });
  });
});

describe('POST /otp/verify', () => {
  const enter = (outcome: object, body: object) =>
    handle(fakeOutside({ verify_otp: () => outcome }).deps)(userPost('/otp/verify', body));

  it('tells a wrong code, a code that is over and a taken number apart', async () => {
    const body = { purpose: 'verify_phone', phone: '0912345678', code: '012 345' };
    expect((await enter(passed, body)).status).toBe(200);
    expect(await errorOf(await enter({ outcome: 'wrong', tries_left: 3 }, body))).toMatchObject({
      code: 'code_wrong',
      details: { tries_left: 3 },
    });
    expect(await errorOf(await enter({ outcome: 'expired' }, body))).toMatchObject({ code: 'code_expired' });
    expect(await errorOf(await enter({ outcome: 'phone_taken' }, body))).toMatchObject({
      code: 'phone_taken',
    });
  });

  it('counts no try for what is no code', async () => {
    for (const code of ['12345', '1234567', 'abcdef', 123456]) {
      const error = await errorOf(await enter({}, { purpose: 'step_up', code }));
      expect(error, String(code)).toMatchObject({ code: 'invalid_input', details: { field: 'code' } });
    }
  });
});

describe('POST /otp/reset', () => {
  const body = { email: 'Lan@Example.test ', code: '012345', password: 'a-long-password' };

  it('sets the password and ends the challenge', async () => {
    const outside = fakeOutside({ verify_otp: () => passed, end_password_reset: () => null });
    const answer = await handle(outside.deps)(userPost('/otp/reset/confirm', body, noToken));
    expect([answer.status, await answer.json()]).toEqual([200, { reset: true }]);
    expect(outside.calls.map((call) => call.name)).toEqual(['verify_otp', 'end_password_reset']);
    expect(outside.calls[0]?.args).toMatchObject({ address: 'lan@example.test', user_id: null });
  });

  it('leaves the challenge open when Auth refuses the password', async () => {
    const outside = fakeOutside(
      { verify_otp: () => passed },
      { refusePassword: () => 'It is on a list of leaked passwords.' },
    );
    const error = await errorOf(await handle(outside.deps)(userPost('/otp/reset/confirm', body, noToken)));
    expect(error).toMatchObject({
      code: 'password_refused',
      details: { problem: 'It is on a list of leaked passwords.' },
    });
  });

  it('takes one address, and says which field is wrong', async () => {
    const { deps } = fakeOutside({});
    for (const [target, field] of [
      [{}, 'email'],
      [{ email: 'a@b.example', phone: '0912345678' }, 'email'],
      [{ email: 'not an address' }, 'email'],
      [{ phone: '1' }, 'phone'],
    ] as const) {
      const error = await errorOf(await handle(deps)(userPost('/otp/reset/send', target, noToken)));
      expect(error, JSON.stringify(target)).toMatchObject({ code: 'invalid_input', details: { field } });
    }
  });
});

describe('drawCode', () => {
  it('draws six digits, leading zeros and all', () => {
    const drawn = Array.from({ length: 20_000 }, drawCode);
    expect(drawn.filter((code) => !/^[0-9]{6}$/.test(code))).toEqual([]);
    // without one in 20,000 draws of a tenth each: never by chance
    for (const digit of '0123456789')
      expect(
        drawn.some((code) => code.startsWith(digit)),
        digit,
      ).toBe(true);
    expect(new Set(drawn).size).toBeGreaterThan(19_000);
  });
});

describe('codes known beforehand', () => {
  it('are refused in production and in a wrong form', () => {
    const codes = '{"+84900000001": "000000"}';
    expect(readTestCodes({ JOURNEY_ENV: 'staging', OTP_TEST_CODES: codes }).get('+84900000001')).toBe(
      '000000',
    );
    expect(() => readTestCodes({ JOURNEY_ENV: 'production', OTP_TEST_CODES: codes })).toThrow('production');
    expect(readTestCodes({ JOURNEY_ENV: 'production' }).size).toBe(0);
    for (const wrong of ['x', '[]', '{"0912345678": "000000"}', '{"+84900000001": "1"}']) {
      expect(() => readTestCodes({ JOURNEY_ENV: 'local', OTP_TEST_CODES: wrong }), wrong).toThrow(
        'OTP_TEST_CODES',
      );
    }
  });
});
