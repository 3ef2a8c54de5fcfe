import { randomInt } from 'node:crypto';
import { addMinutes, startOfMinute, subHours } from 'date-fns';
import { Pool } from 'pg';
import { photo } from '../../local/tour/photo.ts';
import {
  type Booking,
  createJourney,
  type InspectionAngle,
  type Journey,
  type MediaPurpose,
  type NewVehicle,
  type Payment,
  type PaymentProvider,
  type PaymentStart,
  type Quote,
  type Result,
  type UnmatchedMoney,
  type Vehicle,
} from '../../sdk/src/index.ts';
import { setting } from './setting.ts';

let pool: Pool | undefined;

/** SQL as the owner of the domain, for what no client may do: moving a deadline, looking behind the API. */
export async function sql<Row extends Record<string, unknown>>(
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  pool ??= new Pool({ connectionString: setting('DB_URL'), max: 4 });
  return (await pool.query<Row>(text, values)).rows;
}

export async function closeSql(): Promise<void> {
  await pool?.end();
  pool = undefined;
}

/** The data of a call that must succeed. */
export async function ok<T>(call: Promise<Result<T>>): Promise<T> {
  const { data, error } = await call;
  if (error)
    throw new Error(`${error.code} (${error.status}): ${error.message} ${JSON.stringify(error.details)}`);
  return data;
}

/** The code of a call that must be refused. */
export async function refusal(call: Promise<Result<unknown>>): Promise<string> {
  const { data, error } = await call;
  if (!error) throw new Error(`expected a refusal, got ${JSON.stringify(data)}`);
  return error.code;
}

export interface Person {
  journey: Journey;
  id: string;
  email: string;
}

export function client(): Journey {
  return createJourney({
    url: setting('API_URL'),
    publishableKey: setting('PUBLISHABLE_KEY'),
    auth: { persistSession: false, autoRefreshToken: false },
  });
}

export async function person(name = 'person'): Promise<Person> {
  const journey = client();
  const email = `${name}.${crypto.randomUUID()}@journey.example`;
  const { user } = await ok(
    journey.auth.signUp({ email, password: 'correct horse battery', displayName: name, locale: 'en' }),
  );
  return { journey, id: user.id, email };
}

export async function admin(): Promise<Person> {
  const one = await person('admin');
  await sql(`insert into public.user_roles (user_id, role) values ($1, 'admin')`, [one.id]);
  await stepUp(one);
  return one;
}

/** As if the person had entered a step-up code in the session at hand. */
export async function stepUp({ journey, id }: Person): Promise<void> {
  const { data } = await journey.supabase.auth.getClaims();
  await sql(
    `insert into private.step_ups (user_id, session_id, valid_until) values ($1, $2, now() + interval '10 minutes')
     on conflict (user_id, session_id) do update set valid_until = excluded.valid_until`,
    [id, data?.claims.session_id],
  );
}

export async function upload(
  owner: Person,
  purpose: MediaPurpose,
  caption = purpose as string,
): Promise<string> {
  const media = await ok(
    // what is tested is seldom the picture: its row can be used while it is processed
    owner.journey.media.upload({ purpose, file: photo(caption), mimeType: 'image/jpeg' }, { waitMs: 0 }),
  );
  return media.id;
}

/** A person whose licence is verified for cars and motorbikes. */
export async function renter(reviewer: Person): Promise<Person> {
  const one = await person('renter');
  const licence = await ok(
    one.journey.licences.submit({
      number: `N${crypto.randomUUID().replaceAll('-', '').slice(0, 15)}`,
      fullName: 'Renter',
      classes: ['A', 'B'],
      validUntil: '2045-12-31',
      dateOfBirth: '1990-05-20',
      issuedOn: '2025-03-01',
      frontMediaId: await upload(one, 'licence'),
      backMediaId: await upload(one, 'licence'),
    }),
  );
  await ok(reviewer.journey.admin.reviewLicence({ licenceId: licence.id, decision: 'verify' }));
  return one;
}

export const aCar: NewVehicle = {
  kind: 'car',
  brand: 'Toyota',
  model: 'Vios',
  year: 2023,
  seats: 5,
  transmission: 'automatic',
  fuel: 'petrol',
  title: 'Toyota Vios for tests',
  city: 'Hà Nội',
  price_per_hour: 90_000,
  price_per_day: 800_000,
  security_deposit: 2_000_000,
  lat: 20.5,
  lng: 106.5,
  address: '1 Test Street, Hà Nội',
  plate: '30A-123.45',
};

/** A plate that no other listing has: of two listings of one vehicle, only one is offered. */
export function anyPlate(): string {
  return `30A-${randomInt(1e6, 1e7)}`;
}

/** A published vehicle of the host. */
export async function listing(
  host: Person,
  reviewer: Person,
  details: Partial<NewVehicle> = {},
): Promise<Vehicle> {
  const vehicle = await ok(host.journey.vehicles.create({ ...aCar, plate: anyPlate(), ...details }));
  const mediaId = await upload(host, 'vehicle_image');
  await ok(host.journey.vehicles.addImage({ vehicleId: vehicle.id, mediaId, position: 0 }));
  const submitted = await ok(host.journey.vehicles.submit(vehicle.id));
  return ok(
    reviewer.journey.admin.reviewVehicle({
      vehicleId: vehicle.id,
      decision: 'publish',
      revision: submitted.revision,
    }),
  );
}

export interface Period {
  startsAt: Date;
  endsAt: Date;
}

/** A whole number of hours from now, at full minutes. */
export function period(fromHours: number, hours: number): Period {
  const startsAt = addMinutes(startOfMinute(new Date()), fromHours * 60 + 1);
  return { startsAt, endsAt: addMinutes(startsAt, hours * 60) };
}

export async function quote(one: Person, vehicle: Vehicle, when: Period): Promise<Quote> {
  return ok(one.journey.quotes.create({ vehicleId: vehicle.id, ...when }));
}

export async function book(one: Person, vehicle: Vehicle, when: Period): Promise<Booking> {
  const { id } = await quote(one, vehicle, when);
  return ok(one.journey.bookings.create({ quoteId: id }));
}

export async function paymentOf(one: Person, booking: Booking): Promise<Payment> {
  const { payment } = await ok(one.journey.bookings.get(booking.id));
  if (!payment) throw new Error('the booking has no payment');
  return payment;
}

export async function startPayment(
  one: Person,
  booking: Booking,
  provider: PaymentProvider = 'vnpay',
): Promise<PaymentStart> {
  const payment = await paymentOf(one, booking);
  return ok(one.journey.payments.start({ paymentId: payment.id, provider }));
}

/** Pays at the sandbox, which then calls the webhook as the provider does. */
export async function payAtSandbox(start: PaymentStart, how: Record<string, unknown> = {}): Promise<void> {
  const { provider, reference } = start.attempt;
  const where = { reference, redirectUrl: start.redirect_url ?? undefined, qr: start.qr.payload };
  await askSandbox(`${provider}/api/pay`, { ...where, outcome: 'success', ...how });
}

/** A call of the sandbox's own API. */
export async function askSandbox(path: string, body: Record<string, unknown>): Promise<unknown> {
  const answer = await fetch(`${setting('SANDBOX_URL')}/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`the sandbox answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** A booking that is paid for and confirmed. */
export async function paidBooking(
  one: Person,
  vehicle: Vehicle,
  when: Period,
  provider: PaymentProvider = 'vnpay',
): Promise<Booking> {
  const booking = await book(one, vehicle, when);
  await payAtSandbox(await startPayment(one, booking, provider));
  return eventually(async () => {
    const { booking: now } = await ok(one.journey.bookings.get(booking.id));
    return now.status === 'confirmed' ? now : null;
  });
}

/** Cancels as somebody does who looks at the preview first. */
export async function cancelBooking(one: Person, { id: bookingId }: { id: string }): Promise<Booking> {
  const { refund_amount } = await ok(one.journey.bookings.previewCancel(bookingId));
  const input = { bookingId, expectedRefundAmount: refund_amount, reason: 'plans changed' };
  return ok(one.journey.bookings.cancel(input));
}

const angles: InspectionAngle[] = ['front', 'rear', 'left', 'right', 'dashboard'];

export async function inspectionPhotos(one: Person): Promise<{ mediaId: string; angle: InspectionAngle }[]> {
  return Promise.all(
    angles.map(async (angle) => ({ angle, mediaId: await upload(one, 'inspection', angle) })),
  );
}

/** The other side agrees with what was recorded at hand-over or return. */
export async function acknowledge(
  one: Person,
  bookingId: string,
  kind: 'check_in' | 'check_out',
): Promise<void> {
  const { inspections } = await ok(one.journey.bookings.get(bookingId));
  const inspection = inspections.find((recorded) => recorded.kind === kind);
  if (!inspection) throw new Error(`there is no ${kind}`);
  await ok(one.journey.bookings.acknowledgeInspection(inspection.id));
}

/** Moves a trip and all its times, so that it starts so many hours from now. */
export async function moveTrip(bookingId: string, hours: number): Promise<void> {
  await sql(
    `with moved as (
       select id, now() + $2::numeric * interval '1 hour' - starts_at as by from public.bookings where id = $1
     ), entry as (
       update public.calendar_entries c set blocked = tstzrange(lower(blocked) + m.by, upper(blocked) + m.by)
       from moved m where c.booking_id = m.id
     ), inspection as (
       update public.booking_inspections i set recorded_at = recorded_at + m.by, counts_at = counts_at + m.by
       from moved m where i.booking_id = m.id
     )
     update public.bookings b
     set period = tstzrange(lower(period) + m.by, upper(period) + m.by), checked_in_at = checked_in_at + m.by,
         checked_out_at = checked_out_at + m.by, claim_until = claim_until + m.by
     from moved m where b.id = m.id`,
    [bookingId, hours],
  );
}

/** Polls until there is something; a deadline, never a fixed sleep. */
export async function eventually<T>(
  look: () => Promise<T | null | undefined>,
  timeoutMs = 120_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    const seen = await look();
    if (seen !== null && seen !== undefined) return seen;
    if (Date.now() > end) throw new Error(`not seen within ${timeoutMs} ms: ${look.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export async function mailsTo(email: string): Promise<{ subject: string; to: string[] }[]> {
  const answer = await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(email)}`);
  return (await answer.json()) as { subject: string; to: string[] }[];
}

/** A bank account of the person that may be used at once. */
export async function bankAccount(one: Person, accountNumber = '0011223344'): Promise<void> {
  await stepUp(one);
  await ok(
    one.journey.payouts.setBankAccount({ bankBin: '970436', accountNumber, holderName: 'TEST PERSON' }),
  );
  await sql(
    `update public.bank_accounts set usable_from = $2, created_at = created_at - interval '1 day' where user_id = $1 and removed_at is null`,
    [one.id, subHours(new Date(), 1)],
  );
}

/** Has refunds of this person sent at once that wait for the first day of a bank account. */
export async function hurryRefunds(payer: Person): Promise<void> {
  await sql(
    `update private.outbox o set available_at = now() from public.refunds r
     where o.status = 'pending' and o.topic = 'refund' and o.payload ->> 'refund_id' = r.id::text and r.payer_id = $1`,
    [payer.id],
  );
}

/** Money of this attempt that fits nowhere; other tests leave such money too. */
export async function unmatchedOf(
  attempt: { id: string },
  staff: Person,
): Promise<UnmatchedMoney | undefined> {
  const { rows } = await ok(staff.journey.admin.unmatched.list({ pageSize: 100 }));
  return rows.find((row) => row.attempt_id === attempt.id);
}

/** Broken promises that concern these rows (a shared stack has other tests at work). */
export async function invariantViolations(...subjects: string[]): Promise<unknown[]> {
  return sql(
    `select * from private.check_invariants() where cardinality($1::text[]) = 0 or subject_id = any ($1)`,
    [subjects],
  );
}
