import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hours, makeListing, makePeople } from '../support/acts.ts';
import {
  type Act,
  allAtOnce,
  invariantViolations,
  openWorld,
  surprises,
  type World,
} from '../support/sql.ts';
import {
  acknowledge,
  admin,
  closeSql,
  eventually,
  inspectionPhotos,
  listing,
  moveTrip,
  ok,
  paidBooking,
  payAtSandbox,
  period,
  person,
  refusal,
  renter,
  upload,
} from '../support/world.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});
afterAll(async () => {
  await closeSql();
  await world?.close();
});

describe('a charge', () => {
  it('is asked for, refused, decided and paid through the SDK', async () => {
    const staff = await admin();
    const [host, guest] = await Promise.all([person('host'), renter(staff)]);
    const car = await listing(host, staff);
    const { id: bookingId } = await paidBooking(guest, car, period(0.5, 26));
    const report = { bookingId, odometerKm: 1000, fuelPercent: 80 };
    await ok(guest.journey.bookings.checkIn({ ...report, photos: await inspectionPhotos(guest) }));
    await acknowledge(host, bookingId, 'check_in');
    // back 126 minutes after the booked end
    await moveTrip(bookingId, -28.1);
    const photos = await inspectionPhotos(guest);
    await ok(guest.journey.bookings.checkOut({ bookingId, odometerKm: 1100, fuelPercent: 50, photos }));
    await acknowledge(host, bookingId, 'check_out');

    const costs = await ok(guest.journey.charges.costs(bookingId));
    expect(costs.fuel).toEqual({ check_in_percent: 80, check_out_percent: 50 });
    const [late] = await ok(guest.journey.charges.list(bookingId));
    expect(late).toMatchObject({
      kind: 'late',
      status: 'proposed',
      is_automatic: true,
      amount: costs.late?.amount,
    });
    expect(costs.late?.amount).toBe(
      3 * costs.terms.late_hour_fee +
        Math.floor((3 * costs.terms.late_hour_fee * costs.terms.vat_bps) / 10_000),
    );
    await ok(host.journey.charges.withdraw(late?.id ?? ''));

    const photo = await upload(host, 'charge');
    const dent = { bookingId, kind: 'damage', amount: 2_500_000, note: 'A dent in the door' } as const;
    expect(await refusal(host.journey.charges.propose(dent))).toBe('evidence_required');
    const damage = await ok(host.journey.charges.propose({ ...dent, mediaIds: [photo] }));
    expect(await refusal(host.journey.charges.answer({ chargeId: damage.id, accept: true }))).toBe(
      'forbidden',
    );
    await ok(guest.journey.charges.answer({ chargeId: damage.id, accept: false, reason: 'It was there' }));
    const { rows: open } = await ok(staff.journey.admin.charges.list());
    expect(open.find(({ id }) => id === damage.id)).toMatchObject({
      status: 'disputed',
      deposit_left: 2_000_000,
    });
    await ok(
      staff.journey.admin.charges.decide({ chargeId: damage.id, amount: 2_200_000, reason: 'It is new' }),
    );
    const [, counted] = await ok(guest.journey.charges.list(bookingId));
    expect(counted).toMatchObject({ status: 'accepted', owed_amount: 2_200_000, captured_amount: 2_000_000 });
    const paymentId = counted?.payment_id ?? '';
    const start = await ok(guest.journey.payments.start({ paymentId, provider: 'vnpay' }));
    await payAtSandbox(start);
    await eventually(async () => {
      const [, paid] = await ok(host.journey.charges.list(bookingId));
      return paid?.status === 'settled' ? true : null;
    });
    const receipt = await eventually(async () => {
      const { rows } = await ok(guest.journey.receipts.list());
      return rows.find(({ payable_id }) => payable_id === damage.id);
    });
    expect(receipt).toMatchObject({ total: 200_000 });
  });

  it('counts once, whatever comes at the moment at which its time is over', async () => {
    const { host, vehicle } = await makeListing(world);
    const [guest] = (await makePeople(world, 1)) as [string];
    const trip = await world.make<string>(
      'make_paid_booking',
      guest,
      vehicle,
      await hours(world, 300),
      await hours(world, 310),
    );
    await world.make('drive', trip, -20);
    for (const kind of ['cleaning', 'other']) {
      const charge = await world.value<string>(
        `(select (private.store_charge(b, k, 500000, '', '{}')).id from public.bookings b, private.charge_kinds k where b.id = $1 and k.kind = $2)`,
        trip,
        kind,
      );
      await world.sql.query(
        "update public.booking_charges set created_at = now() - interval '2 days', answer_by = clock_timestamp() + interval '30 milliseconds' where id = $1",
        [charge],
      );
      const answer = (accept: boolean): Act => ({
        user: guest,
        text: "(public.answer_charge($1, $2, 'no')).status",
        args: [charge, accept],
      });
      const withdraw: Act = { user: host, text: '(public.withdraw_charge($1)).status', args: [charge] };
      const lapse: Act = { text: 'private.lapse_due_charges()' };
      const outcomes = await allAtOnce([answer(true), answer(false), lapse, withdraw, lapse, answer(true)]);
      expect(surprises(outcomes, 'illegal_transition')).toEqual([]);
      const [left] = (
        await world.sql.query<{ status: string; owed: number; captured: number }>(
          `select c.status, coalesce(c.owed_amount, 0)::int as owed,
             (select coalesce(sum(k.amount), 0)::int from public.deposit_captures k where k.cause_id = c.id) as captured
           from public.booking_charges c where c.id = $1`,
          [charge],
        )
      ).rows;
      expect(['settled', 'withdrawn', 'disputed']).toContain(left?.status);
      expect(left?.captured).toBe(left?.status === 'settled' ? 500_000 : 0);
      await world.value('private.lapse_due_charges()');
      expect(await invariantViolations(world)).toEqual([]);
    }
  });
});
