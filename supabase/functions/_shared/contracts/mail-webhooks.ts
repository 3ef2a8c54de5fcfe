import { z } from 'zod';

/** What Resend reports of one mail. Of other types only the type is read. */
export const mailEvent = z.looseObject({
  type: z.string().min(1).max(60),
  created_at: z.string().min(1),
  data: z.looseObject({
    email_id: z.string().min(1).max(200).optional(),
    to: z.array(z.string()).optional(),
    bounce: z
      .looseObject({
        message: z.string().optional(),
        type: z.string().optional(),
        subType: z.string().optional(),
      })
      .optional(),
    failed: z.looseObject({ reason: z.string().optional() }).optional(),
    suppressed: z.looseObject({ message: z.string().optional(), type: z.string().optional() }).optional(),
  }),
});
export type MailEvent = z.infer<typeof mailEvent>;
