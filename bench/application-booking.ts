import { createHash, randomUUID } from 'node:crypto';
import { type Connection, benchId as id, refuse } from './application.ts';
import type { Scale } from './database.ts';

interface Quote {
  id: string;
  vehicle_id: string;
  period: string;
  starts_at: Date;
  ends_at: Date;
  currency: string;
  total_amount: string;
  deposit_amount: string;
  tax_amount: string;
  cancellation_policy: unknown;
  expires_at: Date;
}

interface Vehicle {
  title: string;
  host_id: string;
  status: string;
  instant_book: boolean;
  min_hours: number;
  max_days: number;
  notice_hours: number;
  buffer_minutes: number;
  kind: string;
  seats: number;
  engine_cc: number | null;
  power_kw: number | null;
}

/** What the classes of these licences open, and settings: read once when the application starts. */
const licenceOpens: Record<string, (vehicle: Vehicle) => boolean> = {
  A1: ({ kind, engine_cc, power_kw }) =>
    kind === 'motorbike' && (engine_cc ?? 0) <= 125 && (power_kw ?? 0) <= 11,
  B: ({ kind, seats }) => kind === 'car' && seats <= 9,
};
const endless = new Set(['A1']);
const minAge = 18;
const holdMinutes = 15;
const horizonDays = 365;
const limit = { capacity: 20, per_minute: 20 };

const hour = 3_600_000;
const alphabet = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';

function bookingCode(): string {
  return `J${Array.from({ length: 8 }, () => alphabet[Math.floor(Math.random() * alphabet.length)]).join('')}`;
}

/** create_booking by a careful application: the same rules, the same rows, one statement after the other. */
export async function createBooking(sql: Connection, n: number, scale: Scale): Promise<void> {
  const renterId = id('renter', (n + Math.floor(n / scale.vehicles) * 7) % scale.renters);
  const quoteId = id('quote', n);
  const bookingId = randomUUID();
  await sql.transaction(async () => {
    await sql.row(
      `insert into private.idempotency_keys (actor_id, key, command, request_hash, response) values ($1, $2, 'create_booking', $3, $4)
       on conflict do nothing returning key`,
      [renterId, randomUUID(), createHash('sha256').update(quoteId).digest(), { id: bookingId }],
    );
    const { tokens } = await sql.row<{ tokens: string }>(
      `insert into private.rate_buckets as b (action, subject, tokens, refilled_at) values ('create_booking', $1, $2::numeric - 1, now())
       on conflict (action, subject) do update
       set tokens = least($2::numeric, b.tokens + $3::numeric * extract(epoch from now() - b.refilled_at) / 60) - 1, refilled_at = now()
       returning tokens`,
      [renterId, limit.capacity, limit.per_minute],
    );
    if (Number(tokens) < 0) refuse('rate_limited');
    const quote = await sql.row<Quote>(
      `select id, vehicle_id, period, starts_at, ends_at, currency, total_amount, deposit_amount,
         tax_amount, cancellation_policy, expires_at
       from public.quotes where id = $1 and renter_id = $2`,
      [quoteId, renterId],
    );
    if (quote.expires_at.getTime() <= Date.now()) refuse('quote_expired');
    const vehicle = await sql.row<Vehicle>(
      `select title, host_id, status, instant_book, min_hours, max_days, notice_hours, buffer_minutes,
         kind, seats, engine_cc, power_kw::float8 as power_kw
       from public.vehicles where id = $1 for no key update`,
      [quote.vehicle_id],
    );
    const [from, to] = [quote.starts_at.getTime(), quote.ends_at.getTime()];
    if (vehicle.status !== 'published') refuse('vehicle_not_published');
    if (vehicle.host_id === renterId) refuse('own_vehicle');
    if (from < Date.now() + vehicle.notice_hours * hour) refuse('notice_too_short');
    if (from > Date.now() + horizonDays * 24 * hour) refuse('period_too_long');
    if (to < from + vehicle.min_hours * hour || to > from + vehicle.max_days * 24 * hour)
      refuse('period_invalid');
    const licences = await sql.rows<{ classes: string[]; valid_until: Date; date_of_birth: Date }>(
      "select classes, valid_until, date_of_birth from public.driver_licences where user_id = $1 and status = 'verified'",
      [renterId],
    );
    const covering = licences.filter(({ classes, valid_until, date_of_birth }) => {
      const opening = classes.filter((one) => licenceOpens[one]?.(vehicle));
      const adult = new Date(date_of_birth).setFullYear(date_of_birth.getFullYear() + minAge);
      return adult <= from && opening.some((one) => endless.has(one) || valid_until.getTime() >= to);
    });
    if (covering.length === 0) refuse('licence_required');
    const taken = await sql.rows(
      `select 1 from public.calendar_entries
       where vehicle_id = $1 and blocked && tstzrange($2::timestamptz, $3::timestamptz + make_interval(mins => $4))
         and (kind <> 'hold' or expires_at > now()) limit 1`,
      [quote.vehicle_id, quote.starts_at, quote.ends_at, vehicle.buffer_minutes],
    );
    if (taken.length > 0) refuse('vehicle_unavailable');
    const booking = await sql.row<{ code: string; hold_expires_at: Date }>(
      `insert into public.bookings (id, code, quote_id, vehicle_id, renter_id, host_id, period, status, currency, total_amount,
         deposit_amount, tax_amount, cancellation_policy, hold_expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, 'pending_payment', $8, $9, $10, $11, $12, now() + make_interval(mins => $13))
       returning *`,
      [
        ...[
          bookingId,
          bookingCode(),
          quote.id,
          quote.vehicle_id,
          renterId,
          vehicle.host_id,
          quote.period,
          quote.currency,
        ],
        ...[quote.total_amount, quote.deposit_amount, quote.tax_amount],
        ...[quote.cancellation_policy, holdMinutes],
      ],
    );
    await sql.rows(
      `insert into public.calendar_entries (vehicle_id, kind, blocked, booking_id, expires_at, holder_id)
       values ($1, 'hold', tstzrange($2::timestamptz, $3::timestamptz + make_interval(mins => $4)), $5, $6, $7)`,
      [
        quote.vehicle_id,
        quote.starts_at,
        quote.ends_at,
        vehicle.buffer_minutes,
        bookingId,
        booking.hold_expires_at,
        renterId,
      ],
    );
    await sql.rows(
      `insert into public.payables (id, kind, payer_id, code, title, starts_at, ends_at, amount, currency, split, sold_amount, tax_amount)
       values ($1::uuid, 'booking', $2, $3, $4, $5, $6, $7::bigint, $8, array[
         ('escrow', $1::text, $9::bigint - $7::bigint)::private.ledger_line, ('deposit', $1::text, -$9::bigint)::private.ledger_line
       ], $7::bigint - $9::bigint, $10)`,
      [
        ...[
          bookingId,
          renterId,
          booking.code,
          vehicle.title,
          quote.starts_at,
          quote.ends_at,
          quote.total_amount,
        ],
        ...[quote.currency, quote.deposit_amount, quote.tax_amount],
      ],
    );
    const payment = await sql.row<{ id: string }>(
      'insert into public.payments (payable_id, payer_id, amount, currency, expires_at) values ($1, $2, $3, $4, $5) returning id',
      [bookingId, renterId, quote.total_amount, quote.currency, booking.hold_expires_at],
    );
    await sql.rows(
      `insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, actor_id)
       values ('booking.hold', $1, 'booking', 'initial', 'hold', 'pending_payment', $3),
         ('payment.create', $2, 'payment', 'initial', 'create', 'pending', $3)`,
      [bookingId, payment.id, renterId],
    );
  });
}
