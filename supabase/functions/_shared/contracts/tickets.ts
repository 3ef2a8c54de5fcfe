import { z } from 'zod';

const instant = z.iso.datetime({ offset: true });

/** Body of POST /tickets/code. */
export const ticketCodeRequest = z.strictObject({ ticket_id: z.uuid() });

/** Answer of `ticket_to_sign`. */
export const ticketToSign = z.object({
  ticket_id: z.uuid(),
  event_id: z.uuid(),
  custody: z.int().positive(),
  secret: z.string().regex(/^[0-9a-f]{32}$/),
  valid_until: instant,
});
export type TicketToSign = z.infer<typeof ticketToSign>;

/** Answer of `ticket_to_print`: what the page and the calendar entry of a ticket show. */
export const ticketToPrint = z.object({
  id: z.uuid(),
  number: z.string(),
  holder_name: z.string().nullable(),
  class_name: z.string(),
  seat: z.object({ section: z.string(), row: z.string(), number: z.string() }).nullable(),
  order_code: z.string(),
  event: z.object({
    title: z.string(),
    status: z.string(),
    starts_at: instant,
    ends_at: instant,
    time_zone: z.string(),
    venue: z.string(),
    address: z.string(),
    organizer: z.string(),
    updated_at: instant,
  }),
  locale: z.enum(['vi', 'en']),
});
export type TicketToPrint = z.infer<typeof ticketToPrint>;

/** One line of `event_attendees`. */
export const attendee = z.object({
  ticket_id: z.uuid(),
  number: z.string(),
  status: z.string(),
  class_name: z.string(),
  seat: z.string().nullable(),
  holder_name: z.string().nullable(),
  order_code: z.string(),
  price: z.int(),
  currency: z.string(),
  ordered_at: instant,
  admitted_at: instant.nullable(),
});
export type Attendee = z.infer<typeof attendee>;
