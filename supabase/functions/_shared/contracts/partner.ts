import { z } from 'zod';
import { instant } from './quote.ts';

const toBase64Url = (text: string): string =>
  btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

const place = z.object({ created_at: z.string(), id: z.uuid() });

/** The place after a row of a list, as `after` takes it. */
export function cursorAfter({ created_at, id }: z.infer<typeof place>): string {
  return toBase64Url(JSON.stringify({ created_at, id }));
}

const after = z.string().transform((text, context) => {
  try {
    return place.parse(JSON.parse(atob(text.replaceAll('-', '+').replaceAll('_', '/'))));
  } catch {
    context.addIssue({ code: 'custom', message: 'must be `next` of the page before' });
    return z.NEVER;
  }
});

/** Which page of a list: `page_size` is 1 to 100, 20 if not given. */
export const pageQuery = z.strictObject({
  after: after.optional(),
  page_size: z
    .string()
    .regex(/^[1-9][0-9]{0,2}$/, 'must be 1 to 100')
    .transform(Number)
    .pipe(z.int().max(100, 'must be 1 to 100'))
    .default(20),
});

/** Query of GET /bookings. `statuses` are states of a booking, separated by commas. */
export const bookingsQuery = pageQuery.extend({
  statuses: z
    .string()
    .max(400)
    .transform((text) => text.split(','))
    .optional(),
});

/** Query of GET /vehicles/:id/calendar: at most 400 days. */
export const calendarQuery = z.strictObject({ from_at: instant, to_at: instant });

/** Body of POST /vehicles/:id/blocks. */
export const blockRequest = z.strictObject({
  starts_at: instant,
  ends_at: instant,
  kind: z.enum(['host_block', 'maintenance']).optional(),
});

/** Body of POST /bookings/:id/answer. */
export const answerRequest = z.strictObject({
  accept: z.boolean(),
  reason: z.string().max(500).optional(),
});

/** A row of a list: what its place is made of, and all the rest. */
export const listedRow = z.looseObject({ id: z.uuid(), created_at: z.string() });
