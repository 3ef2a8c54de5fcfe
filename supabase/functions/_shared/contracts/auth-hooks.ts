import { z } from 'zod';

const user = z.looseObject({
  email: z.string().nullish(),
  new_email: z.string().nullish(),
  user_metadata: z.looseObject({ locale: z.string().nullish() }).nullish(),
});

/** What Auth sends to the hook `send_email`. */
export const sendEmailHook = z.looseObject({
  user,
  email_data: z.looseObject({
    token: z.string().default(''),
    token_hash: z.string().default(''),
    token_new: z.string().default(''),
    token_hash_new: z.string().default(''),
    redirect_to: z.string().default(''),
    /** The address of Auth (…/auth/v1), not of the site. */
    site_url: z.string(),
    email_action_type: z.string(),
    old_email: z.string().nullish(),
  }),
});
export type SendEmailHook = z.infer<typeof sendEmailHook>;

/** What Auth sends to the hook `send_sms`. The number has no `+`. */
export const sendSmsHook = z.looseObject({
  user,
  sms: z.looseObject({ otp: z.string().min(1), phone: z.string().min(1) }),
});
