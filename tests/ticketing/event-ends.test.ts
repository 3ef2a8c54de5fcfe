import { addHours } from 'date-fns';
import { afterAll, expect, it } from 'vitest';
import { admin, closeSql, eventually, ok, payAtSandbox, person, refusal } from '../support/world.ts';

afterAll(closeSql);

it('waits for a ticket, gets it, follows the event to another date and is given the money back, through the SDK', async () => {
  const [staff, organizer, first, second] = await Promise.all([
    admin(),
    person('organizer'),
    person('first'),
    person('second'),
  ]);
  const stage = await ok(organizer.journey.organizers.create({ name: 'Nhà hát Sông Hương' }));
  const startsAt = addHours(new Date(), 300);
  const { id: eventId } = await ok(
    organizer.journey.events.create(stage.id, {
      title: 'Đêm nhạc cố đô',
      category: 'music',
      venue: 'Nhà hát Sông Hương',
      address: '1 Lê Lợi',
      city: 'Huế',
      starts_at: startsAt.toISOString(),
      ends_at: addHours(startsAt, 3).toISOString(),
    }),
  );
  const details = { name: 'Standard', price: 300_000, tax_bps: 800, total: 1 };
  const { id: classId } = await ok(organizer.journey.events.addClass(eventId, details));
  await ok(organizer.journey.events.configure(eventId, { max_per_order: 2 }));
  await ok(staff.journey.events.review({ eventId, approve: true }));
  await ok(organizer.journey.events.publish(eventId));

  // one ticket: the first holds it, the second waits, and gets it when the first lets it go
  const held = await ok(first.journey.orders.create({ eventId, items: [{ classId, quantity: 1 }] }));
  expect(await ok(second.journey.waitingLists.join({ classId }))).toMatchObject({
    status: 'waiting',
    position: 1,
  });
  expect(await ok(organizer.journey.waitingLists.ofEvent(eventId))).toMatchObject([
    { people: 1, tickets: 1, offered: 0 },
  ]);
  await ok(first.journey.orders.cancel({ orderId: held.id, expectedRefundAmount: 0 }));
  expect(await ok(second.journey.waitingLists.mine())).toMatchObject([{ status: 'offered', quantity: 1 }]);
  const another = { eventId, items: [{ classId, quantity: 1 }] };
  expect(await refusal(first.journey.orders.create(another))).toBe('sold_out');
  const order = await ok(second.journey.orders.create({ eventId, items: [{ classId, quantity: 1 }] }));
  const { payment } = await ok(second.journey.orders.get(order.id));
  await payAtSandbox(
    await ok(second.journey.payments.start({ paymentId: payment?.id ?? '', provider: 'vnpay' })),
  );
  await eventually(
    async () => (await ok(second.journey.orders.get(order.id))).status === 'completed' || null,
  );
  expect(await ok(second.journey.waitingLists.leave(classId))).toMatchObject({ status: 'accepted' });

  // off, and on again at another place
  await ok(organizer.journey.events.postpone({ eventId, reason: 'A flood' }));
  const later = addHours(startsAt, 240);
  const moved = await ok(
    organizer.journey.events.reschedule(eventId, {
      starts_at: later.toISOString(),
      ends_at: addHours(later, 3).toISOString(),
      venue: 'Đại Nội',
    }),
  );
  expect(moved).toMatchObject({ status: 'published', venue: 'Đại Nội' });
  expect(moved.returns_until).not.toBeNull();
  const earnings = await ok(organizer.journey.organizers.earnings({ organizerId: stage.id }));
  expect(earnings.rows).toMatchObject([{ id: eventId, tickets: 1, gross: 300_000, earned: 0 }]);

  // and cancelled
  const report = await ok(organizer.journey.events.cancel({ eventId, reason: 'The flood stays' }));
  expect(report).toMatchObject({ orders: { total: 1, ended: 1 }, money: { total: 300_000, waiting: 0 } });
  await eventually(async () => {
    const { money } = await ok(staff.journey.events.cancellation(eventId));
    return money.refunded === 300_000 || null;
  });
  const told = await ok(second.journey.notifications.list({ pageSize: 50 }));
  expect(told.rows.map(({ template }) => template)).toEqual(
    expect.arrayContaining([
      'waiting_list_offered',
      'event_postponed',
      'event_rescheduled',
      'order_cancelled_with_event',
    ]),
  );
});
