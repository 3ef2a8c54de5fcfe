import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  acknowledge,
  admin,
  bankAccount,
  closeSql,
  eventually,
  inspectionPhotos,
  listing,
  moveTrip,
  ok,
  type Person,
  paidBooking,
  period,
  person,
  refusal,
  renter,
} from '../support/world.ts';

let staff: Person;
let guest: Person;

beforeAll(async () => {
  staff = await admin();
  guest = await renter(staff);
});
afterAll(closeSql);

describe('a payout', () => {
  it('takes what was earned to the host’s account once the claim window has closed', async () => {
    const owner = await person('owner');
    const car = await listing(owner, staff);
    const booked = await paidBooking(guest, car, period(0, 24), 'zalopay');
    const { host_amount } = await ok(owner.journey.bookings.get(booked.id));
    const booking = { ...booked, host_amount };
    const photos = async () => ({ odometerKm: 100, fuelPercent: 50, photos: await inspectionPhotos(guest) });
    await ok(guest.journey.bookings.checkIn({ bookingId: booking.id, ...(await photos()) }));
    await acknowledge(owner, booking.id, 'check_in');
    await ok(guest.journey.bookings.checkOut({ bookingId: booking.id, ...(await photos()) }));
    await acknowledge(owner, booking.id, 'check_out');
    const balance = async () => (await ok(owner.journey.payouts.balance()))[0];
    expect(await balance()).toMatchObject({ available: 0, pending: booking.host_amount, on_the_way: 0 });
    await ok(owner.journey.bookings.releaseDeposit(booking.id));
    // returned early: the rent waits for the booked end
    expect(await balance()).toMatchObject({ available: 0, pending: booking.host_amount });
    await moveTrip(booking.id, -25);
    await bankAccount(owner);
    expect(await balance()).toMatchObject({ available: booking.host_amount, pending: 0, on_the_way: 0 });

    expect(await refusal(owner.journey.admin.payouts.propose())).toBe('forbidden');
    const batches = await ok(staff.journey.admin.payouts.propose());
    expect(await balance()).toMatchObject({ available: 0, on_the_way: booking.host_amount });
    const { payouts } = staff.journey.admin;
    const proposed = (await ok(payouts.batches({ status: 'proposed' }))).rows;
    expect(proposed).toEqual(expect.arrayContaining(batches));
    const batchIds = batches.map(({ id }) => id);
    const mine = async () => (await ok(payouts.list({ hostId: owner.id }))).rows;
    const [due] = await mine();
    expect(due).toMatchObject({ status: 'scheduled', amount: booking.host_amount, user_id: owner.id });
    expect(batchIds).toContain(due?.batch_id);
    expect((await ok(payouts.list({ batchId: due?.batch_id, status: 'scheduled' }))).rows).toContainEqual(
      due,
    );
    expect(await refusal(owner.journey.admin.payouts.batches())).toBe('forbidden');
    expect(await refusal(owner.journey.admin.payouts.list({ hostId: owner.id }))).toBe('forbidden');
    for (const batchId of batchIds) await ok(payouts.approve(batchId));
    const paid = await eventually(async () => {
      const { rows } = await ok(owner.journey.payouts.list());
      return rows[0]?.status === 'paid' ? rows[0] : null;
    });
    expect(paid).toMatchObject({ amount: booking.host_amount, provider: 'payos' });
    expect(await mine()).toMatchObject([
      { id: paid.id, status: 'paid', paid_at: paid.paid_at, claimed_by: null },
    ]);
    const statement = await ok(owner.journey.payouts.statement(paid.id));
    expect(statement.lines).toEqual([
      expect.objectContaining({
        payable: expect.objectContaining({ code: booking.code }),
        amount: booking.host_amount,
      }),
    ]);
    expect(await balance()).toMatchObject({ available: 0, pending: 0, on_the_way: 0 });
    expect(await refusal(guest.journey.payouts.statement(paid.id))).toBe('payout_not_found');
  });
});
