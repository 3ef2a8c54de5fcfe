import { z } from 'zod';

const keyRing = z
  .string()
  .transform((text, context): Record<string, string> => {
    try {
      return z.record(z.string(), z.string().min(1)).parse(JSON.parse(text));
    } catch {
      context.addIssue('must be a JSON object of names and keys');
      return z.NEVER;
    }
  })
  .refine((keys) => 'default' in keys, 'must have a key named default');

const text = z.string().trim().min(1);

const schema = z.object({
  SUPABASE_URL: z.url(),
  SUPABASE_PUBLISHABLE_KEYS: keyRing,
  SUPABASE_SECRET_KEYS: keyRing,
  // When nobody says where this runs, the strict rules apply.
  JOURNEY_ENV: z.enum(['local', 'staging', 'production']).default('production'),
  PUBLIC_FUNCTIONS_URL: z.url().optional(),
  RESEND_API_KEY: text.optional(),
  RESEND_BASE_URL: z.url().optional(),
  MAIL_FROM: text.optional(),
  RESEND_WEBHOOK_SECRET: z.string().optional(),
  ESMS_API_KEY: z.string().optional(),
  ESMS_SECRET_KEY: z.string().optional(),
  ESMS_BRANDNAME: z.string().optional(),
  ESMS_API_URL: z.url().default('https://rest.esms.vn'),
  /** Part of the address that eSMS calls with the fate of a message. */
  ESMS_CALLBACK_SECRET: z.string().min(16).optional(),
  VAPID_PUBLIC_KEY: z.string().optional(),
  VAPID_PRIVATE_KEY: z.string().optional(),
  VAPID_SUBJECT: z.string().optional(),
  EXPO_ACCESS_TOKEN: text.optional(),
  EXPO_API_URL: z.url().default('https://exp.host'),
  /** Where the push service of the local stack is. Nowhere else. */
  WEB_PUSH_LOCAL_URL: z.url().optional(),
  /** Codes that are known beforehand, for those who review the app: {"+84900000001": "000000"}. Not in production. */
  OTP_TEST_CODES: z.string().optional(),
  SEND_EMAIL_HOOK_SECRET: z.string().optional(),
  SEND_SMS_HOOK_SECRET: z.string().optional(),
  /** Who has it as a bearer token may read the function metrics. */
  METRICS_TOKEN: z.string().min(16).optional(),
  /** What tickets are signed with: a JWK set of private Ed25519 keys. */
  TICKET_SIGNING_KEYS: z.string().optional(),
  VNPAY_TMN_CODE: z.string().optional(),
  VNPAY_HASH_SECRET: z.string().optional(),
  VNPAY_PAY_URL: z.string().optional(),
  VNPAY_API_URL: z.string().optional(),
  MOMO_PARTNER_CODE: z.string().optional(),
  MOMO_ACCESS_KEY: z.string().optional(),
  MOMO_SECRET_KEY: z.string().optional(),
  MOMO_API_URL: z.string().optional(),
  ZALOPAY_APP_ID: z.string().optional(),
  ZALOPAY_KEY1: z.string().optional(),
  ZALOPAY_KEY2: z.string().optional(),
  ZALOPAY_API_URL: z.string().optional(),
  PAYOS_CLIENT_ID: z.string().optional(),
  PAYOS_API_KEY: z.string().optional(),
  PAYOS_CHECKSUM_KEY: z.string().optional(),
  PAYOS_API_URL: z.string().optional(),
  PAYOS_PAYOUT_CLIENT_ID: z.string().optional(),
  PAYOS_PAYOUT_API_KEY: z.string().optional(),
  PAYOS_PAYOUT_CHECKSUM_KEY: z.string().optional(),
  PAYOS_PAYOUT_API_URL: z.string().optional(),
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_API_URL: z.string().optional(),
  VIETQR_BANK_BIN: z.string().optional(),
  VIETQR_ACCOUNT_NUMBER: z.string().optional(),
  VIETQR_ACCOUNT_NAME: z.string().optional(),
  SEPAY_WEBHOOK_SECRET: z.string().optional(),
  SEPAY_API_TOKEN: z.string().optional(),
  SEPAY_API_URL: z.string().optional(),
  /**
   * Where a payer may return to, separated by commas: origins (`https://app.example.com`) or app schemes
   * (`journey://`).
   */
  APP_RETURN_URLS: z.string().default(''),
});

export type Env = z.infer<typeof schema>;

/**
 * Reads the environment. Throws an error that names every bad variable, so that a function with a bad one never
 * starts.
 */
export function readEnv(variables: Record<string, string | undefined>): Env {
  const result = schema.safeParse(variables);
  if (result.success) return result.data;
  const problems = result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  throw new Error(`The environment of the functions is incomplete. ${problems.join('; ')}`);
}
