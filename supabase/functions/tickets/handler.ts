import { z } from 'zod';
import { attendee, ticketCodeRequest, ticketToPrint, ticketToSign } from '../_shared/contracts/tickets.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError, inputError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints, type User } from '../_shared/http.ts';
import { ticketCalendar } from '../_shared/tickets/calendar.ts';
import { signTicket } from '../_shared/tickets/code.ts';
import { byteOrderMark, csvLine } from '../_shared/tickets/csv.ts';
import type { TicketKeys } from '../_shared/tickets/keys.ts';
import { ticketPage } from '../_shared/tickets/page.ts';
import type { Trace } from '../_shared/trace.ts';

const pageHeaders = {
  'content-type': 'text/html; charset=utf-8',
  // the page runs nothing, loads nothing and sends nothing
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};
const attendeesPage = 1000;

type TicketDeps = Pick<Deps, 'http' | 'db' | 'ticketKeys'>;

function uuidOf(params: Record<string, string>): string {
  const id = z.uuid().safeParse(params.id);
  if (!id.success) throw inputError('id', 'must be a UUID');
  return id.data;
}

/**
 * POST /tickets/code: the text of the QR code of a ticket that the caller holds. GET /tickets/page/<id>: the ticket to
 * print. GET /tickets/calendar/<id>: its calendar file. GET /tickets/keys: the public keys, for checking codes without
 * a connection. GET /tickets/attendees/<event>: the event's tickets as CSV, for its organizer.
 */
export function handle({ http, db, ticketKeys }: TicketDeps): (request: Request) => Promise<Response> {
  async function keys(): Promise<TicketKeys> {
    const found = await ticketKeys();
    if (!found) throw appError('tickets_not_configured');
    return found;
  }

  async function code(ticketId: string, user: User, trace: Trace): Promise<{ code: string; until: string }> {
    const signing = await keys();
    const args = { ticket_id: ticketId, user_id: user.id };
    const ticket = await db.service(trace).call('ticket_to_sign', args, ticketToSign);
    return { code: await signTicket(ticket, signing), until: ticket.valid_until };
  }

  const sign = endpoint({
    methods: ['POST'],
    path: '/code',
    auth: 'user',
    body: ticketCodeRequest,
    errors: ['tickets_not_configured'],
    async run({ body, user, trace, note }) {
      note({ ticket_id: body.ticket_id });
      const signed = await code(body.ticket_id, user, trace);
      return { code: signed.code, valid_until: signed.until };
    },
  });

  const page = endpoint({
    methods: ['GET'],
    path: '/page/:id',
    auth: 'user',
    errors: ['invalid_input', 'tickets_not_configured'],
    async run({ params, user, trace, note }) {
      const ticket_id = uuidOf(params);
      note({ ticket_id });
      const ticket = await db.asUser(user, trace).call('ticket_to_print', { ticket_id }, ticketToPrint);
      const signed = await code(ticket_id, user, trace);
      return new Response(await ticketPage(ticket, signed.code), { headers: pageHeaders });
    },
  });

  const calendar = endpoint({
    methods: ['GET'],
    path: '/calendar/:id',
    auth: 'user',
    errors: ['invalid_input'],
    async run({ params, user, trace, note }) {
      const ticket_id = uuidOf(params);
      note({ ticket_id });
      const ticket = await db.asUser(user, trace).call('ticket_to_print', { ticket_id }, ticketToPrint);
      return new Response(ticketCalendar(ticket), {
        headers: {
          'content-type': 'text/calendar; charset=utf-8; method=PUBLISH',
          'content-disposition': `attachment; filename="${ticket.number}.ics"`,
        },
      });
    },
  });

  const publicKeys = endpoint({
    methods: ['GET'],
    path: '/keys',
    auth: 'none',
    errors: ['tickets_not_configured'],
    async run() {
      const { public: published } = await keys();
      return Response.json({ keys: published }, { headers: { 'cache-control': 'public, max-age=3600' } });
    },
  });

  const attendees = endpoint({
    methods: ['GET'],
    path: '/attendees/:id',
    auth: 'user',
    errors: ['invalid_input'],
    async run({ params, user, trace, note }) {
      const event_id = uuidOf(params);
      note({ event_id });
      const asOrganizer = db.asUser(user, trace);
      const read = (after: string | null) =>
        asOrganizer.call('event_attendees', { event_id, after, page_size: attendeesPage }, z.array(attendee));
      // The first page is read before the answer begins, so that a refusal is an error and no file.
      let rows = await read(null);
      const lines = new ReadableStream<string>({
        start(out) {
          out.enqueue(byteOrderMark + csvLine(columns));
        },
        async pull(out) {
          for (const row of rows) out.enqueue(csvLine(columns.map((name) => row[name])));
          const last = rows.at(-1);
          if (!last || rows.length < attendeesPage) return out.close();
          rows = await read(last.ticket_id);
        },
      });
      return new Response(lines.pipeThrough(new TextEncoderStream()), {
        headers: {
          'content-type': 'text/csv; charset=utf-8',
          'content-disposition': `attachment; filename="attendees-${event_id}.csv"`,
        },
      });
    },
  });

  return serveEndpoints('tickets', [sign, publicKeys, page, calendar, attendees], http);
}

const columns = [
  'number',
  'status',
  'class_name',
  'seat',
  'holder_name',
  'order_code',
  'price',
  'currency',
  'ordered_at',
  'admitted_at',
] as const;
