import type { Env } from './env.ts';

/** The secrets that Auth may have signed a call with: the new one and the old one while they are being changed. */
export interface HookSecrets {
  email: readonly string[];
  sms: readonly string[];
}

/** Reads `v1,whsec_…`, several separated by `|`. Without one, no call is genuine. Throws on another form. */
function read(name: string, text: string | undefined): string[] {
  const entries = (text ?? '').split('|').filter(Boolean);
  return entries.map((entry) => {
    const secret = /^v1,(whsec_[A-Za-z0-9+/=]{32,88})$/.exec(entry.trim())?.[1];
    if (!secret) throw new Error(`${name} must be v1,whsec_… as the dashboard shows it.`);
    return secret;
  });
}

export function readHookSecrets(
  env: Pick<Env, 'SEND_EMAIL_HOOK_SECRET' | 'SEND_SMS_HOOK_SECRET'>,
): HookSecrets {
  return {
    email: read('SEND_EMAIL_HOOK_SECRET', env.SEND_EMAIL_HOOK_SECRET),
    sms: read('SEND_SMS_HOOK_SECRET', env.SEND_SMS_HOOK_SECRET),
  };
}

/** Resend shows `whsec_…`; several separated by `|` while the secret is being changed. Without one, no report is genuine. */
export function readMailWebhookSecrets({
  RESEND_WEBHOOK_SECRET,
}: Pick<Env, 'RESEND_WEBHOOK_SECRET'>): string[] {
  const secrets = (RESEND_WEBHOOK_SECRET ?? '').split('|').filter(Boolean);
  return secrets.map((secret) => {
    if (!/^whsec_[A-Za-z0-9+/=]{24,88}$/.test(secret.trim())) {
      throw new Error('RESEND_WEBHOOK_SECRET must be whsec_… as Resend shows it.');
    }
    return secret.trim();
  });
}
