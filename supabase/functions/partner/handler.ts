import { z } from 'zod';
import { parseInput } from '../_shared/contracts/parse.ts';
import {
  answerRequest,
  blockRequest,
  bookingsQuery,
  calendarQuery,
  cursorAfter,
  listedRow,
  pageQuery,
} from '../_shared/contracts/partner.ts';
import type { Deps } from '../_shared/deps.ts';
import { appError, inputError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { asOwner } from './as-owner.ts';

const row = z.looseObject({ id: z.uuid() });
const rows = z.array(z.looseObject({}));
const listedRows = z.array(listedRow);

function queryOf<T>(contract: z.ZodType<T>, url: URL): T {
  const { data, problem } = parseInput(contract, Object.fromEntries(url.searchParams));
  if (problem) throw appError(problem.code, { field: problem.field, problem: problem.problem });
  return data;
}

function idOf(text: string | undefined): string {
  const id = z.uuid().safeParse(text);
  if (!id.success) throw inputError('id', 'must be a UUID');
  return id.data;
}

/** A page and where the next one begins; null when there is none. */
function pageOf(found: z.infer<typeof listedRows>, size: number) {
  const last = found.at(-1);
  return { rows: found, next: last && found.length === size ? cursorAfter(last) : null };
}

/**
 * What a partner's server does with an API key: it reads its owner's vehicles, calendars and bookings, blocks times, and
 * answers requests. Each key does what its scopes name. Browsers have no business here, since a key is a secret.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const vehicles = endpoint({
    methods: ['GET'],
    path: '/vehicles',
    auth: 'api_key',
    async run(context) {
      const owner = await asOwner(db, context);
      const page = queryOf(pageQuery, context.url);
      return pageOf(await owner.call('my_vehicles', page, listedRows), page.page_size);
    },
  });
  const vehicle = endpoint({
    methods: ['GET'],
    path: '/vehicles/:id',
    auth: 'api_key',
    errors: ['vehicle_not_found'],
    async run(context) {
      const owner = await asOwner(db, context);
      const args = { vehicle_id: idOf(context.params.id) };
      const found = await owner.call('vehicle_detail', args, row.nullable());
      if (!found) throw appError('vehicle_not_found');
      return found;
    },
  });
  const calendar = endpoint({
    methods: ['GET'],
    path: '/vehicles/:id/calendar',
    auth: 'api_key',
    async run(context) {
      const owner = await asOwner(db, context);
      const when = queryOf(calendarQuery, context.url);
      const args = { vehicle_id: idOf(context.params.id), ...when };
      return { rows: await owner.call('my_calendar', args, rows) };
    },
  });
  const block = endpoint({
    methods: ['POST'],
    path: '/vehicles/:id/blocks',
    auth: 'api_key',
    body: blockRequest,
    async run(context) {
      const owner = await asOwner(db, context);
      const args = { vehicle_id: idOf(context.params.id), ...context.body };
      return owner.call('block_period', args, row);
    },
  });
  const unblock = endpoint({
    methods: ['DELETE'],
    path: '/blocks/:id',
    auth: 'api_key',
    async run(context) {
      const owner = await asOwner(db, context);
      return owner.call('unblock_period', { entry_id: idOf(context.params.id) }, z.looseObject({}));
    },
  });
  const bookings = endpoint({
    methods: ['GET'],
    path: '/bookings',
    auth: 'api_key',
    async run(context) {
      const owner = await asOwner(db, context);
      const page = queryOf(bookingsQuery, context.url);
      return pageOf(await owner.call('my_bookings', { role: 'host', ...page }, listedRows), page.page_size);
    },
  });
  const booking = endpoint({
    methods: ['GET'],
    path: '/bookings/:id',
    auth: 'api_key',
    async run(context) {
      const owner = await asOwner(db, context);
      const args = { booking_id: idOf(context.params.id) };
      return owner.call('booking_detail', args, z.looseObject({}));
    },
  });
  const answer = endpoint({
    methods: ['POST'],
    path: '/bookings/:id/answer',
    auth: 'api_key',
    body: answerRequest,
    async run(context) {
      const owner = await asOwner(db, context);
      const args = { booking_id: idOf(context.params.id), ...context.body };
      return owner.call('answer_booking', args, row);
    },
  });
  return serveEndpoints(
    'partner',
    [vehicles, vehicle, calendar, block, unblock, bookings, booking, answer],
    http,
  );
}
