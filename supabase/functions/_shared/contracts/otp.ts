import { z } from 'zod';

// bcrypt, which Auth uses, reads 72 bytes
const passwordLength = 'must have 8 to 72 characters';

/** What a signed-in person proves with a code. */
export const otpPurpose = z.enum(['verify_email', 'verify_phone', 'step_up']);

const noPhone = 'must be a mobile number, such as +84912345678 or 0912345678';
const phone = z.string().trim().min(1, noPhone).max(30, noPhone);
const email = z
  .string()
  .trim()
  .max(254)
  .transform((text) => text.toLowerCase())
  .pipe(z.email());
// full-width digits are what some keyboards write
const code = z
  .string()
  .transform((text) => text.normalize('NFKC').replace(/\s/g, ''))
  .pipe(z.string().regex(/^[0-9]{6}$/, 'must be six digits'));

/** Body of POST /otp/send. `phone` is needed for `verify_phone`; `channel` is for `step_up`. */
export const sendOtpRequest = z.strictObject({
  purpose: otpPurpose,
  phone: phone.optional(),
  channel: z.enum(['email', 'sms']).optional(),
});

/** Body of POST /otp/verify, with the same fields as the send. */
export const verifyOtpRequest = sendOtpRequest.extend({ code });

/** Body of POST /otp/reset/send: a mail address or a verified phone number. */
export const sendResetRequest = z.strictObject({
  email: email.optional(),
  phone: phone.optional(),
  locale: z.enum(['vi', 'en']).optional(),
});

/** Body of POST /otp/reset/confirm. */
export const confirmResetRequest = z.strictObject({
  email: email.optional(),
  phone: phone.optional(),
  code,
  password: z.string().min(8, passwordLength).max(72, passwordLength),
});

/** Answer of `start_otp`. */
export const otpSent = z.looseObject({
  channel: z.enum(['email', 'sms']),
  expires_at: z.string(),
  resend_at: z.string(),
});

/** Answer of `verify_otp`. */
export const otpVerified = z.discriminatedUnion('outcome', [
  z.looseObject({ outcome: z.literal('passed'), challenge_id: z.uuid(), user_id: z.uuid() }),
  z.looseObject({ outcome: z.literal('wrong'), tries_left: z.int() }),
  z.looseObject({ outcome: z.literal('expired') }),
  z.looseObject({ outcome: z.literal('phone_taken') }),
]);

/** Answer of `otp_to_send` and `auth_message_to_send`. DO NOT log it: it holds the code. */
export const secretMessage = z
  .looseObject({
    channel: z.enum(['email', 'sms']),
    to: z.string(),
    subject: z.string(),
    text: z.string(),
    html: z.string(),
  })
  .nullable();
