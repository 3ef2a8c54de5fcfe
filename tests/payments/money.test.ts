import { subHours } from 'date-fns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Booking, PaymentProvider, PaymentStart, Refund, Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  admin,
  askSandbox,
  book,
  closeSql,
  eventually,
  inspectionPhotos,
  listing,
  ok,
  type Person,
  paidBooking,
  payAtSandbox,
  paymentOf,
  period,
  person,
  refusal,
  renter,
  sql,
  startPayment,
} from '../support/world.ts';

const rails: PaymentProvider[] = ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'];
let staff: Person;
let guest: Person;
let host: Person;
let vehicle: Vehicle;
let days = 60;

beforeAll(async () => {
  staff = await admin();
  guest = await renter(staff);
  host = await person('host');
  vehicle = await listing(host, staff);
}, 60_000);
afterAll(closeSql);

function soon(): ReturnType<typeof period> {
  days += 2;
  return period(24 * days, 24);
}

async function begin(provider: PaymentProvider): Promise<{ booking: Booking; start: PaymentStart }> {
  const booking = await book(guest, vehicle, soon());
  return { booking, start: await startPayment(guest, booking, provider) };
}

const statusOf = async (booking: Booking) =>
  (await ok(guest.journey.bookings.get(booking.id))).booking.status;

function refundOf(booking: Booking, status: Refund['status']): Promise<Refund> {
  return eventually(async () => {
    const { refunds } = await ok(guest.journey.bookings.get(booking.id));
    return refunds.find((refund) => refund.status === status) ?? null;
  });
}

/** An account of the person that may be used at once. */
async function account(one: Person, accountNumber = '0011223344'): Promise<void> {
  await ok(
    one.journey.payouts.setBankAccount({ bankBin: '970436', accountNumber, holderName: 'TEST PERSON' }),
  );
  await sql(
    `update public.bank_accounts set usable_from = $2, created_at = created_at - interval '1 day' where user_id = $1 and removed_at is null`,
    [one.id, subHours(new Date(), 1)],
  );
}

/** Lets the outbox look again at once at what it does later. */
const hurry = () => sql(`update private.outbox set available_at = now() where status = 'pending'`);

describe('the ways to pay', () => {
  it('are listed with what they can carry', async () => {
    const methods = await ok(guest.journey.payments.methods());
    expect(methods.map((method) => method.provider).sort()).toEqual([...rails].sort());
    expect(methods.find((method) => method.provider === 'momo')).toMatchObject({
      min_amount: 1_000,
      max_amount: 50_000_000,
    });
  });

  it.each(rails)(
    '%s told of 200 times at once confirms a booking once, and the books agree',
    async (provider) => {
      const { booking, start } = await begin(provider);
      expect(start.attempt).toMatchObject({ provider, status: 'pending' });
      expect(start.qr.svg).toMatch(/^<svg/);
      expect(start.redirect_url === null).toBe(provider === 'vietqr');
      await payAtSandbox(start, { notify: { times: 200 } });
      const { payment, attempts } = await ok(guest.journey.payments.waitUntilFinal(start.attempt.payment_id));
      expect(payment.status).toBe('succeeded');
      expect(attempts.map((attempt) => attempt.status)).toEqual(['succeeded']);
      expect(await statusOf(booking)).toBe('confirmed');
      const moves = await sql(
        `select event, count(*)::int as times from private.domain_events
       where subject_id = any ($1) and machine in ('payment', 'booking') and event in ('succeed', 'confirm') group by event order by event`,
        [[payment.id, booking.id]],
      );
      expect(moves).toEqual([
        { event: 'confirm', times: 1 },
        { event: 'succeed', times: 1 },
      ]);
      expect(await ok(staff.journey.admin.money.reconcileLedger())).toEqual([]);
    },
    60_000,
  );

  it.each(rails)('%s tells what happened when the app comes back and no webhook did', async (provider) => {
    const { booking, start } = await begin(provider);
    await payAtSandbox(start, { notify: { never: true } });
    expect(await statusOf(booking)).toBe('pending_payment');
    const state = await eventually(async () => {
      const found = await ok(guest.journey.payments.check(start.attempt.payment_id));
      return found.payment.status === 'succeeded' ? found : null;
    });
    expect(state.attempts[0]?.status).toBe('succeeded');
    expect(await statusOf(booking)).toBe('confirmed');
  });

  it.each(rails.filter((rail) => rail !== 'vietqr'))(
    '%s that is not paid leaves the booking open for another way',
    async (provider) => {
      const { booking, start } = await begin(provider);
      await payAtSandbox(start, { outcome: 'cancel' });
      expect(await statusOf(booking)).toBe('pending_payment');
      const other = await startPayment(guest, booking, provider === 'momo' ? 'vnpay' : 'momo');
      await payAtSandbox(other);
      expect((await ok(guest.journey.payments.waitUntilFinal(start.attempt.payment_id))).payment.status).toBe(
        'succeeded',
      );
    },
  );

  it('show to admins what VNPay keeps under suspicion, until it has decided', async () => {
    const { booking, start } = await begin('vnpay');
    await payAtSandbox(start, { outcome: 'suspicious' });
    const { money } = staff.journey.admin;
    const kept = async () =>
      (await ok(money.attemptsForAttention())).rows.find(({ id }) => id === start.attempt.id);
    const shown = await eventually(kept);
    expect(shown).toMatchObject({ booking_id: booking.id, payer_id: guest.id, acknowledged_at: null });
    expect(shown.note).toContain('suspects fraud');
    expect((await ok(money.eventsForAttention())).map(({ id }) => id)).toContain(shown.event_id);
    await ok(money.acknowledgeEvent({ eventId: shown.event_id, note: 'called VNPay' }));
    expect((await kept())?.acknowledged_at).not.toBeNull();
    expect(await refusal(guest.journey.admin.money.attemptsForAttention())).toBe('forbidden');
    await payAtSandbox(start, { outcome: 'success', again: true });
    expect(await statusOf(booking)).toBe('confirmed');
    expect(await kept()).toBeUndefined();
  });

  it('are not for everybody: a stranger neither starts nor asks', async () => {
    const { start } = await begin('momo');
    const stranger = await person('stranger');
    const paymentId = start.attempt.payment_id;
    expect(await refusal(stranger.journey.payments.start({ paymentId, provider: 'momo' }))).toBe(
      'payment_not_found',
    );
    expect(await refusal(stranger.journey.payments.check(paymentId))).toBe('payment_not_found');
  });
});

describe('money in parts', () => {
  it('pays when the rest comes, and what is over is kept for its owner', async () => {
    const { booking, start } = await begin('vietqr');
    const { amount } = start.attempt;
    await payAtSandbox(start, { amount: 1_000_000 });
    expect(await statusOf(booking)).toBe('pending_payment');
    await payAtSandbox(start, { amount: amount - 900_000 });
    expect(await statusOf(booking)).toBe('confirmed');
    const [over] = (await ok(staff.journey.admin.money.unmatched())).rows;
    expect(over).toMatchObject({ reason: 'overpaid', amount: 100_000, payer_id: guest.id, status: 'open' });
    const settled = await ok(
      staff.journey.admin.money.settleUnmatched({
        unmatchedId: over?.id ?? '',
        action: 'keep',
        note: 'a tip',
      }),
    );
    expect(settled).toMatchObject({ result: 'keep', unmatched: { settlement: 'kept' } });
    expect(await ok(staff.journey.admin.money.reconcileLedger())).toEqual([]);
  });

  it('is found also when the notification of a second transfer was lost', async () => {
    const { booking, start } = await begin('vietqr');
    await payAtSandbox(start);
    expect(await statusOf(booking)).toBe('confirmed');
    await payAtSandbox(start, { amount: 777_000, notify: { never: true } });
    await sql(
      `update public.payment_attempts set recheck_at = now() - interval '1 hour', checked_at = now() - interval '1 hour' where id = $1`,
      [start.attempt.id],
    );
    await sql('select private.enqueue_reconciliations()');
    const found = await eventually(async () => {
      const { rows } = await ok(staff.journey.admin.money.unmatched());
      return rows.find((row) => row.amount === 777_000) ?? null;
    });
    expect(found).toMatchObject({ reason: 'paid_twice', payer_id: guest.id });
  });

  it('that names no booking and whose notification was lost is found in the bank feed, once', async () => {
    const { start } = await begin('vietqr');
    const { reference } = start.attempt;
    const readFeed = async () => {
      // nothing is ordered while the last look is not quite over
      await eventually(async () => {
        const open = await sql(
          `select from private.outbox where topic = 'feed' and status in ('pending', 'leased')`,
        );
        return open.length === 0 ? true : null;
      });
      const [before] = await sql<{ at: Date }>('select clock_timestamp() as at');
      await sql('select private.enqueue_feeds()');
      await eventually(async () => {
        const [rail] = await sql<{ read: boolean }>(
          `select feed_read_at > $1 as read from private.payment_providers where provider = 'vietqr'`,
          [before?.at],
        );
        return rail?.read === true ? true : null;
      });
    };
    const kept = async () => {
      const { rows } = await ok(staff.journey.admin.money.unmatched());
      return rows.filter(({ amount }) => amount === 777_123).map(({ reason }) => reason);
    };
    await readFeed();
    await payAtSandbox(start, { message: 'tien xe', amount: 777_123, notify: { never: true } });
    expect(await kept()).toEqual([]);
    await readFeed();
    expect(await kept()).toEqual(['unknown_reference']);
    // a second read, and a notification that comes late, bring the same event
    await sql(`update private.payment_providers set feed_cursor = '1' where provider = 'vietqr'`);
    await readFeed();
    await askSandbox('vietqr/api/notify', { reference });
    expect(await kept()).toEqual(['unknown_reference']);
    expect(await ok(staff.journey.admin.money.reconcileLedger())).toEqual([]);
  });

  it('that names no booking is applied by an admin, who alone may', async () => {
    const { booking, start } = await begin('vietqr');
    await payAtSandbox(start, { message: 'tien xe' });
    expect(await statusOf(booking)).toBe('pending_payment');
    const [lost] = (await ok(staff.journey.admin.money.unmatched())).rows;
    expect(lost).toMatchObject({ reason: 'unknown_reference', amount: start.attempt.amount });
    const order = {
      unmatchedId: lost?.id ?? '',
      action: 'apply',
      paymentId: start.attempt.payment_id,
    } as const;
    expect(await refusal(guest.journey.admin.money.settleUnmatched(order))).toBe('forbidden');
    expect((await ok(staff.journey.admin.money.settleUnmatched(order))).result).toBe('applied');
    expect(await statusOf(booking)).toBe('confirmed');
  });
});

describe('a refund', () => {
  it.each(['vnpay', 'momo', 'zalopay', 'stripe'] as const)('goes back by %s itself', async (provider) => {
    const booking = await paidBooking(guest, vehicle, soon(), provider);
    await ok(guest.journey.bookings.cancel({ bookingId: booking.id, reason: 'other plans' }));
    const refund = await refundOf(booking, 'succeeded');
    expect(refund).toMatchObject({ kind: 'cancellation', method: 'provider', provider });
    expect(refund.provider_refund_id).not.toBeNull();
    const { refunds } = await ok(host.journey.bookings.get(booking.id));
    expect(refunds.map(({ id, status }) => [id, status])).toEqual([[refund.id, 'succeeded']]);
  });

  it.each(['payos', 'vietqr'] as const)(
    'of %s goes to the payer’s bank account, once there is one',
    async (provider) => {
      const payer = await renter(staff);
      const booking = await paidBooking(payer, vehicle, soon(), provider);
      await ok(payer.journey.bookings.cancel({ bookingId: booking.id, reason: 'other plans' }));
      const refunds = async () => (await ok(payer.journey.bookings.get(booking.id))).refunds;
      expect((await refunds())[0]).toMatchObject({ status: 'awaiting_account', method: 'bank_transfer' });
      await account(payer);
      await hurry();
      const paid = await eventually(
        async () => (await refunds()).find((one) => one.status === 'succeeded') ?? null,
      );
      expect(paid).toMatchObject({ provider: 'payos' });
      expect(await ok(staff.journey.admin.money.reconcileLedger())).toEqual([]);
    },
  );

  it('of money that fits no payment is in its payer’s list, and goes on from there', async () => {
    const payer = await renter(staff);
    const start = await startPayment(payer, await book(payer, vehicle, soon()), 'vietqr');
    await payAtSandbox(start);
    await payAtSandbox(start, { amount: 654_000 });
    const money = staff.journey.admin.money;
    const twice = (await ok(money.unmatched())).rows.find((row) => row.payer_id === payer.id);
    expect(twice).toMatchObject({ reason: 'paid_twice', amount: 654_000 });
    const settled = await ok(money.settleUnmatched({ unmatchedId: twice?.id ?? '', action: 'refund' }));
    const listed = async () => (await ok(payer.journey.payments.refunds())).rows;
    const nowhere = { id: settled.refund_id, kind: 'unmatched', payment_id: null, booking_id: null };
    expect(await listed()).toEqual([
      expect.objectContaining({ ...nowhere, amount: 654_000, status: 'awaiting_account' }),
    ]);
    await account(payer);
    await hurry();
    await eventually(async () => (await listed()).find((one) => one.status === 'succeeded') ?? null);
    expect((await ok(host.journey.payments.refunds())).rows).toEqual([]);
    expect((await ok(staff.journey.payments.refunds())).rows).toEqual([]);
  });

  it('that the account refuses has failed, and is paid by hand', async () => {
    const payer = await renter(staff);
    const booking = await paidBooking(payer, vehicle, soon(), 'vietqr');
    await account(payer, '1234560000');
    await ok(payer.journey.bookings.cancel({ bookingId: booking.id, reason: 'other plans' }));
    await hurry();
    const failed = await eventually(async () => {
      const { refunds } = await ok(payer.journey.bookings.get(booking.id));
      return refunds.find((one) => one.status === 'failed') ?? null;
    });
    const order = { refundId: failed.id, bankReference: 'FT26325009' };
    expect(await refusal(payer.journey.admin.money.refunds())).toBe('forbidden');
    const listed = async () =>
      (await ok(staff.journey.admin.money.refunds({ needs: 'retry' }))).rows.find(
        ({ id }) => id === failed.id,
      );
    expect(await listed()).toMatchObject({ ...failed, payer_id: payer.id, reason: null, needs: 'retry' });
    expect(await refusal(payer.journey.admin.money.recordManualRefund(order))).toBe('forbidden');
    expect(await ok(staff.journey.admin.money.recordManualRefund(order))).toMatchObject({
      status: 'succeeded',
      provider: 'manual',
    });
    expect(await listed()).toBeUndefined();
    expect(await ok(staff.journey.admin.money.reconcileLedger())).toEqual([]);
  });
});

describe('a receipt', () => {
  it('is numbered, mailed, listed and printable, and nobody else’s', async () => {
    const payer = await renter(staff);
    const booking = await paidBooking(payer, vehicle, soon(), 'momo');
    const receipt = await eventually(async () => (await ok(payer.journey.receipts.list())).rows[0] ?? null);
    const payment = await paymentOf(payer, booking);
    expect(receipt).toMatchObject({
      kind: 'receipt',
      payment_id: payment.id,
      total: payment.amount - booking.deposit_amount,
    });
    expect(receipt.number).toMatch(/\d{6,}$/);
    expect(await ok(payer.journey.receipts.get(receipt.id))).toEqual(receipt);
    const page = await ok(payer.journey.receipts.page(receipt.id));
    expect(page).toContain(receipt.number);
    expect(page).toContain(booking.code);
    const mail = await eventually(async () => {
      const mails = (await (
        await fetch(`${setting('MAIL_URL')}/api/messages?to=${encodeURIComponent(payer.email)}`)
      ).json()) as {
        subject: string;
      }[];
      return mails.find((one) => one.subject.includes(receipt.number)) ?? null;
    });
    expect(mail).not.toBeNull();
    const stranger = await person('stranger');
    expect(await refusal(stranger.journey.receipts.get(receipt.id))).toBe('receipt_not_found');
    expect(await refusal(stranger.journey.receipts.page(receipt.id))).toBe('receipt_not_found');
  });
});

describe('a payout', () => {
  it('takes what was earned to the host’s account once the claim window has closed', async () => {
    const owner = await person('owner');
    const car = await listing(owner, staff);
    const booking = await paidBooking(guest, car, period(0, 24), 'zalopay');
    const photos = async () => ({ odometerKm: 100, fuelPercent: 50, photos: await inspectionPhotos(guest) });
    await ok(guest.journey.bookings.checkIn({ bookingId: booking.id, ...(await photos()) }));
    await ok(guest.journey.bookings.checkOut({ bookingId: booking.id, ...(await photos()) }));
    const balance = async () => (await ok(owner.journey.payouts.balance()))[0];
    expect(await balance()).toMatchObject({ available: 0, pending: booking.host_amount, on_the_way: 0 });
    await ok(owner.journey.bookings.releaseDeposit(booking.id));
    await account(owner);
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
      expect.objectContaining({ booking_code: booking.code, amount: booking.host_amount }),
    ]);
    expect(await balance()).toMatchObject({ available: 0, pending: 0, on_the_way: 0 });
    expect(await refusal(guest.journey.payouts.statement(paid.id))).toBe('payout_not_found');
  });
});
