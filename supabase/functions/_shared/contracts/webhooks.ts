import { z } from 'zod';

/** What webhook_to_send answers. */
export const webhookToSend = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('send'),
      url: z.string(),
      id: z.uuid(),
      body: z.string(),
      secrets: z.array(z.string()).min(1),
    }),
    z.object({ kind: z.literal('wait'), seconds: z.int() }),
  ])
  .nullable();
