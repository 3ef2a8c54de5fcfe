import { Webhook } from 'standardwebhooks';
import { z } from 'zod';
import { readText } from '../_shared/body.ts';
import { sendEmailHook, sendSmsHook } from '../_shared/contracts/auth-hooks.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError, appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { readPhone } from '../_shared/phone.ts';
import type { Trace } from '../_shared/trace.ts';
import { mailsOf } from './messages.ts';

export type AuthHookDeps = Pick<Deps, 'http' | 'db' | 'sms' | 'authHooks'>;

/** A refusal that Auth passes on: anything but 200 becomes an error that says nothing. */
function refusal(error: AppError): Response {
  return Response.json({ error: { http_code: error.status, message: error.message } });
}

/**
 * The hooks of Supabase Auth. Auth signs each call by the rules of Standard Webhooks, and has five seconds: the messages
 * are stored, and the outbox sends them.
 */
export function handle({ http, db, sms, authHooks }: AuthHookDeps): (request: Request) => Promise<Response> {
  const read = async <T>(
    request: Request,
    secrets: readonly string[],
    contract: z.ZodType<T>,
  ): Promise<T> => {
    const body = await readText(request, 200 * 1024);
    const headers = Object.fromEntries(request.headers);
    const isGenuine = secrets.some((secret) => {
      try {
        new Webhook(secret).verify(body, headers);
        return true;
      } catch {
        return false;
      }
    });
    if (!isGenuine) throw appError('unauthenticated', { problem: 'the signature of the hook is not right' });
    return contract.parse(JSON.parse(body));
  };

  const queue = (message: Record<string, unknown>, trace: Trace) =>
    db.service(trace).call('queue_auth_message', message, z.uuid());

  const answer = async (run: () => Promise<void>, note: (facts: Record<string, unknown>) => void) => {
    try {
      await run();
      return {};
    } catch (error) {
      if (!(error instanceof AppError) || error.status === 401 || error.status >= 500) throw error;
      note({ code: error.code });
      return refusal(error);
    }
  };

  const sendEmail = endpoint({
    methods: ['POST'],
    path: '/send-email',
    auth: 'none',
    run: ({ request, trace, note }) =>
      answer(async () => {
        const hook = await read(request, authHooks.email, sendEmailHook);
        note({ action: hook.email_data.email_action_type });
        const mails = mailsOf(hook);
        if (!mails) throw new Error(`Auth asks for an unknown mail: ${hook.email_data.email_action_type}`);
        const locale = hook.user.user_metadata?.locale ?? null;
        for (const mail of mails) {
          await queue({ ...mail, channel: 'email', locale, country_code: null }, trace);
        }
      }, note),
  });

  const sendSms = endpoint({
    methods: ['POST'],
    path: '/send-sms',
    auth: 'none',
    run: ({ request, trace, note }) =>
      answer(async () => {
        const hook = await read(request, authHooks.sms, sendSmsHook);
        if (sms === null || sms.problem !== undefined) throw appError('sms_unavailable');
        const phone = readPhone(hook.sms.phone.startsWith('+') ? hook.sms.phone : `+${hook.sms.phone}`);
        if (!phone) throw appError('invalid_input', { field: 'phone', problem: 'must be a mobile number' });
        await queue(
          {
            template: 'auth_sms',
            channel: 'sms',
            address: phone.number,
            locale: hook.user.user_metadata?.locale ?? null,
            country_code: phone.countryCode,
            data: { code: hook.sms.otp },
          },
          trace,
        );
      }, note),
  });
  return serveEndpoints('auth-hooks', [sendEmail, sendSms], http);
}
