import { z } from 'zod';

const period = z.object({ id: z.uuid(), starts_at: z.string(), ends_at: z.string(), created_at: z.string() });

/** What calendar_feed answers. */
export const calendarFeed = z.object({ vehicle_id: z.uuid(), periods: z.array(period) }).nullable();
export type CalendarFeed = NonNullable<z.infer<typeof calendarFeed>>;

/** What calendar_to_read answers. */
export const calendarToRead = z
  .object({
    url: z.string(),
    etag: z.string().nullable(),
    last_modified: z.string().nullable(),
    time_zone: z.string(),
    from: z.string(),
    to: z.string(),
  })
  .nullable();
