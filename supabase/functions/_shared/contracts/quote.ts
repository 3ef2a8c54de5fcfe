import { z } from 'zod';

export const quoteOptions = z.strictObject({
  insurance: z.enum(['none', 'basic', 'premium']).optional(),
  delivery: z.boolean().optional(),
});

/** Body of POST /quote. */
export const quoteRequest = z.strictObject({
  vehicle_id: z.uuid(),
  starts_at: z.iso.datetime({ offset: true }),
  ends_at: z.iso.datetime({ offset: true }),
  options: quoteOptions.optional(),
});
export type QuoteRequest = z.infer<typeof quoteRequest>;
