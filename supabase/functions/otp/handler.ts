import { z } from 'zod';
import { clientNetwork } from '../_shared/client-ip.ts';
import {
  confirmResetRequest,
  otpSent,
  otpVerified,
  sendOtpRequest,
  sendResetRequest,
  verifyOtpRequest,
} from '../_shared/contracts/otp.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError, inputError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { readPhone } from '../_shared/phone.ts';
import type { Trace } from '../_shared/trace.ts';
import { drawCode } from './draw-code.ts';

export type OtpDeps = Pick<Deps, 'http' | 'db' | 'sms' | 'testCodes'>;

/** Where a code goes. `address` is null when the account says it. */
interface Target {
  channel: 'email' | 'sms';
  address: string | null;
  countryCode: string | null;
}

function phoneTarget(text: string | undefined): Target {
  const phone = text === undefined ? null : readPhone(text);
  if (!phone) throw inputError('phone', 'must be a mobile number, such as +84912345678 or 0912345678');
  return { channel: 'sms', address: phone.number, countryCode: phone.countryCode };
}

/** The target of a signed-in person. Only `verify_phone` names an address of its own. */
function ownTarget(body: z.infer<typeof sendOtpRequest>): Target {
  if (body.purpose === 'verify_phone') return phoneTarget(body.phone);
  if (body.phone !== undefined) throw inputError('phone', 'is only for verify_phone');
  if (body.purpose === 'verify_email') return { channel: 'email', address: null, countryCode: null };
  return { channel: body.channel ?? 'email', address: null, countryCode: null };
}

function resetTarget({ email, phone }: { email?: string; phone?: string }): Target {
  if ((email === undefined) === (phone === undefined)) {
    throw inputError('email', 'must be given, or phone, and not both');
  }
  return email === undefined ? phoneTarget(phone) : { channel: 'email', address: email, countryCode: null };
}

/**
 * One-time codes. `/send` and `/verify` are for the signed-in person; `/reset/send` and `/reset/confirm` are for somebody
 * who cannot sign in, and answer the same whether or not the account exists.
 */
export function handle({ http, db, sms, testCodes }: OtpDeps): (request: Request) => Promise<Response> {
  const start = async (
    purpose: string,
    target: Target,
    who: { userId: string | null; sessionId: string | null; locale: string | null; headers: Headers },
    trace: Trace,
  ) => {
    const fixed = target.address === null ? undefined : testCodes.get(target.address);
    if (target.channel === 'sms' && fixed === undefined && (sms === null || sms.problem !== undefined)) {
      throw appError('sms_unavailable', {}, sms?.problem === undefined ? undefined : new Error(sms.problem));
    }
    return await db.service(trace).call(
      'start_otp',
      {
        purpose,
        channel: target.channel,
        address: target.address,
        user_id: who.userId,
        locale: who.locale,
        country_code: target.countryCode,
        code: fixed ?? drawCode(),
        is_sent: fixed === undefined,
        ip: clientNetwork(who.headers),
        session_id: who.sessionId,
      },
      otpSent,
    );
  };

  const verify = async (
    purpose: string,
    target: Target,
    code: string,
    who: { userId: string | null; sessionId: string | null; headers: Headers },
    trace: Trace,
  ) => {
    const verified = await db.service(trace).call(
      'verify_otp',
      {
        purpose,
        channel: target.channel,
        address: target.address,
        user_id: who.userId,
        session_id: who.sessionId,
        code,
        ip: clientNetwork(who.headers),
      },
      otpVerified,
    );
    if (verified.outcome === 'wrong') throw appError('code_wrong', { tries_left: verified.tries_left });
    if (verified.outcome === 'expired') throw appError('code_expired');
    if (verified.outcome === 'phone_taken') throw appError('phone_taken');
    return verified;
  };

  const send = endpoint({
    methods: ['POST'],
    path: '/send',
    auth: 'user',
    body: sendOtpRequest,
    errors: ['sms_unavailable', 'step_up_required'],
    async run({ body, user, trace, request }) {
      const sessionId = user.sessionId ?? null;
      const who = { userId: user.id, sessionId, locale: null, headers: request.headers };
      return start(body.purpose, ownTarget(body), who, trace);
    },
  });
  const verifyOwn = endpoint({
    methods: ['POST'],
    path: '/verify',
    auth: 'user',
    body: verifyOtpRequest,
    errors: ['code_wrong', 'code_expired', 'phone_taken', 'step_up_required'],
    async run({ body, user, trace, request }) {
      const { code, ...sent } = body;
      const who = { userId: user.id, sessionId: user.sessionId ?? null, headers: request.headers };
      await verify(body.purpose, ownTarget(sent), code, who, trace);
      return { purpose: body.purpose };
    },
  });
  const sendReset = endpoint({
    methods: ['POST'],
    path: '/reset/send',
    auth: 'none',
    body: sendResetRequest,
    errors: ['sms_unavailable'],
    async run({ body, trace, request }) {
      const who = { userId: null, sessionId: null, locale: body.locale ?? null, headers: request.headers };
      return start('reset_password', resetTarget(body), who, trace);
    },
  });
  const confirmReset = endpoint({
    methods: ['POST'],
    path: '/reset/confirm',
    auth: 'none',
    body: confirmResetRequest,
    errors: ['code_wrong', 'code_expired', 'password_refused'],
    async run({ body, trace, request, note }) {
      const who = { userId: null, sessionId: null, headers: request.headers };
      const passed = await verify('reset_password', resetTarget(body), body.code, who, trace);
      note({ user_id: passed.user_id });
      // The code stays valid while Auth refuses the password, so that another one can be chosen.
      const refused = await db.setPassword(passed.user_id, body.password);
      if (refused !== null) throw appError('password_refused', { problem: refused });
      await db
        .service(trace)
        .call('end_password_reset', { challenge_id: passed.challenge_id }, z.null().optional());
      return { reset: true };
    },
  });
  return serveEndpoints('otp', [send, verifyOwn, sendReset, confirmReset], http);
}
