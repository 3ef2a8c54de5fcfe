import { Resend } from 'resend';
import type { Env } from '../env.ts';
import type { Locale } from '../formats.ts';
import { unsubscribing } from './unsubscribe.ts';

export interface Mail {
  to: string;
  subject: string;
  text: string;
  html: string;
  /** With what its reader may leave such mails; null for a mail that goes out whatever the reader wants. */
  unsubscribe?: { token: string; locale: Locale } | null;
  /** A mail with the same key is sent once. */
  idempotencyKey: string;
}

/** `permanent`: sending the same again cannot help. */
export type MailResult = { sent: true; id: string } | { sent: false; permanent: boolean; reason: string };

export interface Mailer {
  send(mail: Mail): Promise<MailResult>;
  /** Why it cannot send. The text names the variables. */
  readonly problem?: string;
}

// Refusals of the message itself. An operator can fix keys and quotas, so mails wait for that.
const permanentErrors = new Set([
  'validation_error',
  'missing_required_field',
  'invalid_parameter',
  'invalid_attachment',
  'invalid_idempotency_key',
  'invalid_idempotent_request',
]);

/** Sends by Resend, or by whatever speaks its API at RESEND_BASE_URL. */
export function createMailer(
  env: Pick<Env, 'RESEND_API_KEY' | 'RESEND_BASE_URL' | 'MAIL_FROM'>,
  functionsUrl: () => string,
): Mailer {
  const { RESEND_API_KEY, RESEND_BASE_URL, MAIL_FROM } = env;
  if (RESEND_API_KEY === undefined || MAIL_FROM === undefined) {
    const problem = 'RESEND_API_KEY and MAIL_FROM are needed.';
    return { problem, send: async () => ({ sent: false, permanent: false, reason: problem }) };
  }
  const resend = new Resend(RESEND_API_KEY, { baseUrl: RESEND_BASE_URL });
  return {
    async send({ to, subject, text, html, unsubscribe, idempotencyKey }) {
      const leaving = unsubscribe
        ? unsubscribing(functionsUrl(), unsubscribe.token, unsubscribe.locale)
        : { headers: {}, text: '', html: '' };
      const { data, error } = await resend.emails.send(
        {
          ...{ from: MAIL_FROM, to, subject, text: text + leaving.text, html: html + leaving.html },
          headers: leaving.headers,
        },
        { idempotencyKey, signal: AbortSignal.timeout(8_000) },
      );
      if (!error) return { sent: true, id: data.id };
      // a 403 validation_error is about the sender's domain, which an operator can fix
      const permanent = permanentErrors.has(error.name) && error.statusCode !== 403;
      return { sent: false, permanent, reason: `${error.name}: ${error.message}` };
    },
  };
}
