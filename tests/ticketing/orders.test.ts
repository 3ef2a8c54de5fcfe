import { addHours } from 'date-fns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { OrderDetail, PaymentProvider } from '../../sdk/src/index.ts';
import {
  admin,
  client,
  closeSql,
  eventually,
  mailsTo,
  ok,
  type Person,
  payAtSandbox,
  person,
  refusal,
  sql,
} from '../support/world.ts';

let staff: Person;
let organizer: Person;
let buyer: Person;
let eventId: string;
let standard: string;
let free: string;

beforeAll(async () => {
  [staff, organizer, buyer] = await Promise.all([admin(), person('organizer'), person('buyer')]);
  const stage = await ok(organizer.journey.organizers.create({ name: 'Nhà hát Sông Hồng' }));
  const startsAt = addHours(new Date(), 200);
  const event = await ok(
    organizer.journey.events.create(stage.id, {
      title: 'Đêm nhạc mùa đông',
      category: 'music',
      venue: 'Nhà hát Lớn',
      address: '1 Tràng Tiền',
      city: 'Hà Nội',
      starts_at: startsAt.toISOString(),
      ends_at: addHours(startsAt, 3).toISOString(),
      lat: 21.024,
      lng: 105.857,
    }),
  );
  eventId = event.id;
  const details = { name: 'Standard', price: 250_000, tax_bps: 800, total: 50 };
  standard = (await ok(organizer.journey.events.addClass(eventId, details))).id;
  const guests = { name: 'Guests', price: 0, total: 5, is_hidden: true, unlock_code: 'FRIENDS' };
  free = (await ok(organizer.journey.events.addClass(eventId, guests))).id;
  await ok(organizer.journey.events.configure(eventId, { max_per_order: 6, returns_hours: 24 }));
  expect(
    (await ok(staff.journey.admin.events.toReview({ pageSize: 100 }))).rows.map(({ id }) => id),
  ).toContain(eventId);
  await ok(staff.journey.events.review({ eventId, approve: true }));
  await ok(organizer.journey.events.publish(eventId));
});

afterAll(closeSql);

const left = async (): Promise<number | null | undefined> =>
  (await ok(client().events.get(eventId))).classes.find(({ id }) => id === standard)?.left;

/** Pays an order and waits until its tickets are there. */
async function pay(one: Person, orderId: string, provider: PaymentProvider): Promise<OrderDetail> {
  const { payment } = await ok(one.journey.orders.get(orderId));
  if (!payment) throw new Error('the order has no payment');
  await payAtSandbox(await ok(one.journey.payments.start({ paymentId: payment.id, provider })));
  return eventually(async () => {
    const order = await ok(one.journey.orders.get(orderId));
    return order.status === 'completed' ? order : null;
  });
}

describe('an order of tickets', () => {
  it('is found, held, paid and issued through the SDK, and its buyer is told', async () => {
    const { rows } = await ok(
      client().events.search({ query: 'dem nhac mua', city: 'ha noi', pageSize: 100 }),
    );
    expect(rows.find(({ id }) => id === eventId)).toMatchObject({ min_price: 250_000, is_sold_out: false });
    const before = (await left()) ?? 0;
    const order = await ok(
      buyer.journey.orders.create({ eventId, items: [{ classId: standard, quantity: 2 }] }),
    );
    expect(order).toMatchObject({ status: 'pending_payment', total_amount: 500_000 });
    expect(await left()).toBe(before - 2);
    const paid = await pay(buyer, order.id, 'vnpay');
    expect(paid.tickets.map(({ status, paid_amount }) => [status, paid_amount])).toEqual([
      ['valid', 250_000],
      ['valid', 250_000],
    ]);
    const mails = await eventually(async () => {
      const found = (await mailsTo(buyer.email)).filter(({ subject }) => subject.includes('Đêm nhạc'));
      return found.length > 0 ? found : null;
    });
    expect(mails).toHaveLength(1);
    expect((await ok(buyer.journey.orders.list())).rows.map(({ id }) => id)).toContain(order.id);
    expect((await ok(organizer.journey.orders.ofEvent({ eventId }))).rows[0]).toMatchObject({ id: order.id });
  });

  it.each(['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'] as const)(
    'is paid on the rail %s',
    async (provider) => {
      const one = await person('payer');
      const order = await ok(
        one.journey.orders.create({ eventId, items: [{ classId: standard, quantity: 1 }] }),
      );
      expect((await pay(one, order.id, provider)).tickets).toHaveLength(1);
    },
  );

  it('gives back what was paid for a cancelled ticket, and the ticket to the next buyer', async () => {
    const one = await person('returner');
    const { id: orderId } = await ok(
      one.journey.orders.create({ eventId, items: [{ classId: standard, quantity: 3 }] }),
    );
    const { tickets } = await pay(one, orderId, 'momo');
    const before = (await left()) ?? 0;
    const ticketIds = tickets.slice(0, 2).map(({ id }) => id);
    const { refund_amount } = await ok(one.journey.orders.previewCancel({ orderId, ticketIds }));
    expect(refund_amount).toBe(500_000);
    const done = await ok(
      one.journey.orders.cancel({ orderId, ticketIds, expectedRefundAmount: refund_amount }),
    );
    expect(done.status).toBe('completed');
    expect(await left()).toBe(before + 2);
    const refund = await eventually(async () => {
      const { refunds } = await ok(one.journey.orders.get(orderId));
      return refunds.find(({ status }) => status === 'succeeded');
    });
    expect(refund.amount).toBe(500_000);
  });

  it('costs nothing and is complete at once for those who know the code of a free kind', async () => {
    const items = [{ classId: free, quantity: 1 }];
    expect(await refusal(buyer.journey.orders.create({ eventId, items }))).toBe('ticket_class_not_found');
    const order = await ok(buyer.journey.orders.create({ eventId, items, unlockCode: 'friends' }));
    expect(order.status).toBe('completed');
    expect((await ok(buyer.journey.orders.get(order.id))).tickets).toHaveLength(1);
  });

  it('is over at its time, before any job has run, and its tickets are for others', async () => {
    const before = (await left()) ?? 0;
    const order = await ok(
      buyer.journey.orders.create({ eventId, items: [{ classId: standard, quantity: 4 }] }),
    );
    expect(await left()).toBe(before - 4);
    await sql(`update public.orders set hold_expires_at = now() where id = $1`, [order.id]);
    await sql(`update private.ticket_holds set held_until = now() where order_id = $1`, [order.id]);
    expect(await left()).toBe(before);
    expect((await ok(buyer.journey.orders.get(order.id))).status).toMatch(/expired/);
  });

  it('names what is wrong with it', async () => {
    const asked = (quantity: number) =>
      buyer.journey.orders.create({ eventId, items: [{ classId: standard, quantity }] });
    const { error } = await asked(7);
    expect(error).toMatchObject({ code: 'ticket_limit_reached', details: { per: 'order', limit: 6 } });
    await ok(
      organizer.journey.events.setTotal({ classId: standard, total: 0 }).then((result) => {
        expect(result.error?.code).toBe('capacity_below_sold');
        const least = Number(result.error?.details.least);
        return organizer.journey.events.setTotal({ classId: standard, total: least });
      }),
    );
    expect((await asked(1)).error).toMatchObject({
      code: 'sold_out',
      details: { class_id: standard, left: 0 },
    });
  });
});
