import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, Vehicle } from '../../sdk/src/index.ts';
import {
  acknowledge,
  admin,
  closeSql,
  eventually,
  inspectionPhotos,
  invariantViolations,
  listing,
  moveTrip,
  ok,
  type Person,
  paidBooking,
  period,
  person,
  refusal,
  renter,
  sql,
  upload,
} from '../support/world.ts';

let staff: Person;
let support: Person;
let host: Person;
let guest: Person;
let vehicle: Vehicle;

beforeAll(async () => {
  staff = await admin();
  [support, host, guest] = await Promise.all([person('support'), person('host'), renter(staff)]);
  await sql(`insert into public.user_roles (user_id, role) values ($1, 'support')`, [support.id]);
  vehicle = await listing(host, staff);
});
afterAll(closeSql);

/** A trip of guest and host that is over. */
async function drivenTrip(): Promise<Booking> {
  const booking = await paidBooking(guest, vehicle, period(240, 24));
  await moveTrip(booking.id, 0);
  for (const kind of ['check_in', 'check_out'] as const) {
    const report = {
      bookingId: booking.id,
      odometerKm: kind === 'check_in' ? 1000 : 1080,
      fuelPercent: 80,
      photos: await inspectionPhotos(guest),
    };
    await ok(
      kind === 'check_in' ? guest.journey.bookings.checkIn(report) : guest.journey.bookings.checkOut(report),
    );
    await acknowledge(host, booking.id, kind);
  }
  await moveTrip(booking.id, -25);
  return booking;
}

describe('a complaint', () => {
  it('is opened, answered, decided and refunded, with a record that both sides check themselves', async () => {
    const booking = await drivenTrip();
    const categories = await ok(guest.journey.complaints.categories({ kind: 'booking', side: 'renter' }));
    expect(categories.map(({ category }) => category)).toContain('unclean');
    const photo = await upload(guest, 'evidence_image');
    const complaint = await ok(
      guest.journey.complaints.open({
        payableId: booking.id,
        category: 'unclean',
        description: 'The back seat was full of sand.',
        desiredOutcome: 'refund',
        desiredAmount: 200_000,
        evidence: [photo],
      }),
    );
    expect(complaint).toMatchObject({ status: 'open', side: 'renter', kind: 'booking' });
    expect(await refusal(host.journey.bookings.releaseDeposit(booking.id))).toBe('money_frozen');

    // both sides compute the same hash, which the conversation has as well
    const mine = await ok(guest.journey.complaints.record(complaint.id));
    const theirs = await ok(host.journey.complaints.record(complaint.id));
    expect(mine).toMatchObject({ is_verified: true, is_intact: true });
    expect(theirs.sha256).toBe(mine.sha256);
    const frozen = JSON.parse(mine.record) as {
      booking: { inspections: { odometer_km: number; photos: { sha256: string }[] }[] };
    };
    expect(frozen.booking.inspections.map(({ odometer_km }) => odometer_km)).toEqual([1000, 1080]);
    expect(frozen.booking.inspections.flatMap(({ photos }) => photos)).toHaveLength(10);
    const { rows: said } = await ok(
      host.journey.chat.messages({ conversationId: complaint.conversation_id }),
    );
    expect(said.at(-1)?.data).toMatchObject({ code: 'complaint_opened', record_sha256: mine.sha256 });
    // canonical: written anew with sorted names it is the same text
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : value !== null && typeof value === 'object'
          ? Object.fromEntries(
              Object.entries(value)
                .sort(([a], [b]) => (a < b ? -1 : 1))
                .map(([key, one]) => [key, sorted(one)]),
            )
          : value;
    expect(JSON.stringify(sorted(JSON.parse(mine.record)))).toBe(mine.record);

    const { rows: listed } = await ok(host.journey.complaints.list({ ofPayableId: booking.id }));
    expect(listed).toEqual([
      expect.objectContaining({ id: complaint.id, is_mine: false, is_answered: false }),
    ]);
    await ok(
      host.journey.complaints.answer({ complaintId: complaint.id, statement: 'It was there before.' }),
    );
    await ok(
      guest.journey.complaints.addEvidence({
        complaintId: complaint.id,
        mediaIds: [await upload(guest, 'evidence_image', 'more')],
      }),
    );

    // support takes it and asks in the conversation, an admin decides
    const waiting = await ok(support.journey.admin.complaints.list());
    expect(waiting.rows.map(({ id }) => id)).toContain(complaint.id);
    await ok(support.journey.admin.complaints.assign({ complaintId: complaint.id }));
    await ok(support.journey.chat.send(complaint.conversation_id, { body: 'When did you take the photos?' }));
    const seen = await ok(guest.journey.complaints.get(complaint.id));
    expect(seen).toMatchObject({ assignee_name: 'support', caller_side: 'renter', is_frozen: true });
    expect(seen.evidence).toHaveLength(2);
    await ok(support.journey.admin.complaints.assign({ complaintId: complaint.id, assigneeId: staff.id }));
    const amounts = { complaintId: complaint.id, refundAmount: 200_000 };
    expect(await refusal(support.journey.admin.complaints.preview(amounts))).toBe('forbidden');
    const shown = await ok(staff.journey.admin.complaints.preview(amounts));
    expect(shown.host_gives + shown.platform_gives + shown.tax_gives).toBe(200_000);
    const decision = { ...amounts, finding: 'The photos show the sand.' };
    expect(
      await refusal(staff.journey.admin.complaints.resolve({ ...decision, expectedHostChange: 0 })),
    ).toBe('complaint_amounts_changed');
    const done = await ok(
      staff.journey.admin.complaints.resolve({ ...decision, expectedHostChange: shown.host_change }),
    );
    expect(done).toMatchObject({ status: 'resolved', refund_amount: 200_000 });

    const refund = await eventually(async () => {
      const { refunds } = await ok(guest.journey.bookings.get(booking.id));
      return refunds.find(({ kind, status }) => kind === 'complaint' && status === 'succeeded') ?? null;
    });
    expect(refund.amount).toBe(200_000);
    expect((await ok(host.journey.complaints.get(complaint.id))).is_frozen).toBe(false);
    expect(await ok(staff.journey.admin.ledger.reconcile())).toEqual([]);
    expect(await invariantViolations(booking.id, complaint.id)).toEqual([]);
  });

  it('is rejected, taken up again, and withdrawn', async () => {
    const booking = await drivenTrip();
    const { id: complaintId } = await ok(
      guest.journey.complaints.open({
        payableId: booking.id,
        category: 'other',
        description: 'The radio did not work.',
        desiredOutcome: 'explanation',
      }),
    );
    await ok(support.journey.admin.complaints.assign({ complaintId }));
    await ok(support.journey.admin.complaints.handBack({ complaintId, reason: 'Holiday' }));
    await ok(support.journey.admin.complaints.assign({ complaintId }));
    const finding = 'The listing says so.';
    expect(await ok(support.journey.admin.complaints.reject({ complaintId, finding }))).toMatchObject({
      status: 'rejected',
      finding,
    });
    await ok(support.journey.admin.complaints.reopen({ complaintId, reason: 'A photo was overlooked' }));
    expect(await refusal(host.journey.complaints.withdraw(complaintId))).toBe('forbidden');
    expect(await ok(guest.journey.complaints.withdraw(complaintId))).toMatchObject({
      status: 'closed',
      outcome: 'withdrawn',
    });
    expect(await invariantViolations(booking.id, complaintId)).toEqual([]);
  });
});
