import { z } from 'zod';
import { readInstant } from '../pricing/index.ts';

export const quoteOptions = z.strictObject({
  insurance: z.enum(['none', 'basic', 'premium']).optional(),
  delivery: z.boolean().optional(),
});

/** A moment in any ISO 8601 form with an offset, read as UTC. */
export const instant = z.string().transform((text, context) => {
  const read = readInstant(text);
  if (read !== null) return new Date(read).toISOString();
  context.addIssue({
    code: 'custom',
    message: 'must be a date, a time and an offset, as in 2026-03-01T09:00+07:00',
  });
  return z.NEVER;
});

/** Body of POST /quote. Instants may have any ISO 8601 form with an offset. They are read as UTC. */
export const quoteRequest = z.strictObject({
  vehicle_id: z.uuid(),
  starts_at: instant,
  ends_at: instant,
  options: quoteOptions.optional(),
  /** As the person types it: its case does not matter. */
  discount_code: z.string().min(1).max(60).optional(),
});
export type QuoteRequest = z.infer<typeof quoteRequest>;

/** Body of POST /quote/extension: the later end of a trip of the caller. */
export const extensionRequest = z.strictObject({ booking_id: z.uuid(), ends_at: instant });
