import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../local/config.ts';
import type { ChaosStack } from './chaos-stack.ts';
import type { Trip } from './story.ts';

/** A booking whose payment is to be made. */
export interface Booked {
  bookingId: string;
  paymentId: string;
  payerId: string;
  amount: number;
  /** For whoever takes it once this booking has lost it. */
  slot: Slot;
}

interface Slot {
  vehicleId: string;
  startsAt: string;
  endsAt: string;
}

export interface World {
  adminId: string;
  /** Books the next slots. */
  book(count: number): Promise<Booked[]>;
  /** Lets the hold of a booking run out; `tidy`: and be tidied up. */
  runOut(booked: Booked, tidy: boolean): Promise<void>;
  /** Somebody else books the slot; false when it is not free. */
  steal(booked: Booked): Promise<boolean>;
  /** The payer cancels; false when that is refused. */
  cancel(booked: Booked): Promise<boolean>;
  /** An admin suspends the vehicle; false when it is suspended already. */
  suspend(booked: Booked): Promise<boolean>;
  reinstate(booked: Booked): Promise<boolean>;
  /** An admin revokes the licence of the payer; false when it is revoked already. */
  revokeLicence(booked: Booked): Promise<boolean>;
  giveLicence(booked: Booked): Promise<void>;
  /** What the two sides do on a paid trip, which then lies in the past, where no other trip is. False when it is refused. */
  travel(booked: Booked, trip: Exclude<Trip, 'suspended'>): Promise<boolean>;
}

const hour = 3_600_000;
const slotsPerVehicle = 20;
const bookingsPerRenter = 6;

/** People and vehicles for so many bookings, made by the commands that people call. */
export async function populate({ sql, sandbox }: ChaosStack, payments: number): Promise<World> {
  await sql(readFileSync(join(projectRoot, 'supabase', 'tests', 'helpers.psql'), 'utf8'));
  // these renters book more often than people do
  await sql(`update private.settings set value = '20' where key = 'max_open_bookings'`);
  // refunds of thousands of payments leave from one account
  await sandbox('payos/api/settings', { balance: 1_000_000_000_000 });
  const ids = async (text: string, values: unknown[]): Promise<string[]> =>
    (await sql<{ id: string }>(text, values)).map(({ id }) => id);
  const [adminId = ''] = await ids(`select tests.make_admin('admin') as id`, []);
  const renters = await ids(`select tests.make_renter('renter') as id from generate_series(1, $1)`, [
    Math.ceil(payments / bookingsPerRenter) + 1,
  ]);
  const vehicleCount = Math.ceil(payments / slotsPerVehicle) + 1;
  const hosts = await ids(`select tests.make_user('host') as id from generate_series(1, $1)`, [
    Math.ceil(vehicleCount / 10),
  ]);
  const vehicles: string[] = [];
  for (let number = 0; number < vehicleCount; number += 1) {
    const more = { security_deposit: 500_000 * (number % 7) };
    const host = hosts[number % hosts.length];
    vehicles.push(...(await ids(`select tests.make_vehicle($1, $2) as id`, [host, more])));
  }
  // three of four read in the app alone, or most of the time would go to their mails
  await sql(
    `insert into private.notification_preferences (user_id, category, channel, is_on)
     select p.id, c.code, 'email', false
     from (select id, row_number() over (order by id) as n from unnest($1::uuid[]) id) p cross join private.notification_categories c
     where p.n % 4 <> 0`,
    [[...renters, ...hosts]],
  );
  const first = Date.now() + 72 * hour;
  let booked = 0;

  const at = (instant: number): string => new Date(instant).toISOString();
  const slotOf = (number: number): Slot => {
    const startsAt = first + Math.floor(number / vehicleCount) * 12 * hour;
    const vehicleId = vehicles[number % vehicleCount] ?? '';
    return { vehicleId, startsAt: at(startsAt), endsAt: at(startsAt + 6 * hour) };
  };
  const renterOf = (number: number): string => renters[number % renters.length] ?? '';
  let driven = 0;
  const outcome = async (text: string): Promise<boolean> =>
    (await sql<{ outcome: string }>('select tests.outcome($1)', [text]))[0]?.outcome === 'ok';
  const asAdmin = (call: string): string =>
    `do $do$ begin
       perform set_config('request.jwt.claims', '{"sub": "${adminId}", "role": "authenticated"}', true);
       perform ${call};
     end $do$`;

  return {
    adminId,
    async book(count) {
      const wanted = Array.from({ length: count }, (_, i) => ({
        ...slotOf(booked + i),
        number: booked + i,
        renterId: renterOf(booked + i),
      }));
      booked += count;
      const made: { number: number; id: string }[] = [];
      // a transaction each, as people book: one with the locks of many vehicles deadlocks with a job that has several
      for (const { number, renterId, vehicleId, startsAt, endsAt } of wanted) {
        const rows = await sql<{ id: string }>('select tests.make_booking($1, $2, $3, $4) as id', [
          renterId,
          vehicleId,
          startsAt,
          endsAt,
        ]);
        made.push(...rows.map(({ id }) => ({ number, id })));
      }
      const rows = await sql<{ number: number; booking: string; payment: string; amount: string }>(
        `select m.number, m.id as booking, p.id as payment, p.amount
         from jsonb_to_recordset($1::jsonb) m (number int, id uuid) join public.payments p on p.payable_id = m.id
         order by m.number`,
        [JSON.stringify(made)],
      );
      return rows.map((row) => ({
        bookingId: row.booking,
        paymentId: row.payment,
        payerId: renterOf(row.number),
        amount: Number(row.amount),
        slot: slotOf(row.number),
      }));
    },
    async runOut({ bookingId }, tidy) {
      await sql('select tests.run_out($1)', [bookingId]);
      if (tidy) await sql('select private.expire_overdue_payments()');
    },
    steal: ({ slot, payerId }) => {
      const thief = renters[(renters.indexOf(payerId) + 1) % renters.length];
      return outcome(
        `select tests.make_booking('${thief}', '${slot.vehicleId}', '${slot.startsAt}', '${slot.endsAt}')`,
      );
    },
    cancel: ({ bookingId, payerId }) =>
      outcome(
        `do $do$ begin
           perform set_config('request.jwt.claims', '{"sub": "${payerId}", "role": "authenticated"}', true);
           perform tests.cancel_booking('${bookingId}');
         end $do$`,
      ),
    suspend: ({ slot }) =>
      outcome(asAdmin(`public.review_vehicle('${slot.vehicleId}', 'suspend', 'the brakes fail')`)),
    reinstate: ({ slot: { vehicleId } }) =>
      outcome(
        asAdmin(
          `public.review_vehicle('${vehicleId}', 'reinstate', null, (select revision from public.vehicles where id = '${vehicleId}'))`,
        ),
      ),
    revokeLicence: ({ payerId }) =>
      outcome(
        asAdmin(
          `public.review_licence((select id from public.driver_licences where user_id = '${payerId}' and status = 'verified'), 'reject', 'it is forged')`,
        ),
      ),
    async giveLicence({ payerId }) {
      await sql(
        `select tests.make_licence($1)
         where not exists (select from public.driver_licences where user_id = $1 and status = 'verified')`,
        [payerId],
      );
    },
    async travel({ bookingId, payerId }, trip) {
      driven += 1;
      const [booking] = await sql<{ host_id: string }>('select host_id from public.bookings where id = $1', [
        bookingId,
      ]);
      const record = (kind: string, userId: string | undefined) =>
        `perform tests.record_inspection('${kind}', '${userId}', '${bookingId}', 10);`;
      const begin = `perform tests.move_trip('${bookingId}', 0);`;
      const recorded = `${record('check_in', booking?.host_id)} perform tests.let_answer_pass('check_in', '${bookingId}'); ${record('check_out', booking?.host_id)}`;
      const said = {
        alone: `${begin} ${recorded}`,
        late: `${begin} ${recorded} perform tests.let_answer_pass('check_out', '${bookingId}'); perform tests.acknowledge('check_out', '${bookingId}');`,
        objected: `${begin} ${record('check_in', payerId)}
          perform set_config('request.jwt.claims', '{"sub": "${booking?.host_id}", "role": "authenticated"}', true);
          perform public.object_to_inspection((private.live_inspection('${bookingId}', 'check_in')).id, 'not so');`,
        nobody: '',
      }[trip];
      return outcome(
        `do $do$ begin
           if not exists (select from public.bookings where id = '${bookingId}' and status = 'confirmed') then
             raise exception 'it is not paid';
           end if;
           ${said}
           perform tests.move_trip('${bookingId}', ${-1000 - 50 * driven});
         end $do$`,
      );
    },
  };
}
