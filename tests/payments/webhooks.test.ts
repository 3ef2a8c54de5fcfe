import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { signedQuery } from '../../local/sandbox/vnpay/sign.ts';
import type { Booking, PaymentStart, Vehicle } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import {
  admin,
  book,
  closeSql,
  eventually,
  invariantViolations,
  listing,
  ok,
  type Person,
  payAtSandbox,
  period,
  person,
  renter,
  sql,
  startPayment,
} from '../support/world.ts';
import { terminal } from './sandbox.ts';

let guest: Person;
let staff: Person;
let vehicle: Vehicle;
let days = 2;

beforeAll(async () => {
  staff = await admin();
  const host = await person('host');
  vehicle = await listing(host, staff);
});

// one person may have only a few unpaid bookings
beforeEach(async () => {
  guest = await renter(staff);
});
afterAll(closeSql);

interface Started {
  booking: Booking;
  start: PaymentStart;
  reference: string;
}

/** A booking that waits for its money, each on days of its own. */
async function unpaid(): Promise<Started> {
  days += 2;
  const booking = await book(guest, vehicle, period(24 * days, 24));
  const start = await startPayment(guest, booking);
  return { booking, start, reference: start.attempt.reference };
}

interface NotificationFields {
  amount?: number;
  transactionNo?: string;
  response?: string;
  status?: string;
  tmnCode?: string;
}

/** A notification as VNPay would send it about an attempt. */
function notification(
  { start, reference }: Started,
  fields: NotificationFields = {},
  secret = terminal.hashSecret,
): string {
  const { amount = start.attempt.amount, transactionNo = `9${reference.slice(-9)}` } = fields;
  const params = {
    vnp_TmnCode: fields.tmnCode ?? terminal.tmnCode,
    vnp_Amount: String(amount * 100),
    vnp_BankCode: 'NCB',
    vnp_OrderInfo: `Thanh toan ${reference}`,
    vnp_PayDate: '20260302090000',
    vnp_ResponseCode: fields.response ?? '00',
    vnp_TransactionNo: transactionNo,
    vnp_TransactionStatus: fields.status ?? fields.response ?? '00',
    vnp_TxnRef: reference,
  };
  return signedQuery(params, secret);
}

async function deliver(query: string): Promise<string> {
  const answer = await fetch(`${setting('FUNCTIONS_URL')}/payment-webhooks/vnpay?${query}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { RspCode: string }).RspCode;
}

async function statusOf({ booking }: Started): Promise<string> {
  return (await ok(guest.journey.bookings.get(booking.id))).booking.status;
}

async function postings({ start }: Started): Promise<string[]> {
  const rows = await sql<{ event: string }>(
    'select event from private.ledger_transactions where reference = $1 order by id',
    [start.attempt.payment_id],
  );
  return rows.map((row) => row.event);
}

describe('a notification', () => {
  it('is applied once when it comes twice', async () => {
    const one = await unpaid();
    expect(await deliver(notification(one))).toBe('00');
    expect(await deliver(notification(one))).toBe('02');
    expect(await statusOf(one)).toBe('confirmed');
    expect(await postings(one)).toEqual(['payment_received']);
  });

  it('is applied once when it comes fifty times at once, and every caller gets the same success', async () => {
    const one = await unpaid();
    const query = notification(one);
    const answers = await Promise.all(Array.from({ length: 50 }, () => deliver(query)));
    expect(answers.filter((code) => code === '00')).toHaveLength(1);
    expect(answers.filter((code) => code === '02')).toHaveLength(49);
    expect(await statusOf(one)).toBe('confirmed');
    expect(await postings(one)).toEqual(['payment_received']);
    const settled = await sql(
      `select from public.notifications where user_id = $1 and template = 'booking_confirmed_renter' and data ->> 'booking_id' = $2`,
      [guest.id, one.booking.id],
    );
    expect(settled).toHaveLength(1);
    expect(await invariantViolations(one.booking.id, one.start.attempt.payment_id)).toEqual([]);
  });

  it('that is genuine and unreadable is kept, shown to an admin, and asked for again until it can be read', async () => {
    const one = await unpaid();
    const unreadable = notification(one, { transactionNo: '0' });
    expect(await deliver(unreadable)).toBe('99');
    expect(await deliver(unreadable)).toBe('99');
    expect(await statusOf(one)).toBe('pending_payment');
    const shown = (await ok(staff.journey.admin.payments.eventsNeedingReview())).rows.filter(
      ({ reference }) => reference === one.reference,
    );
    expect(shown).toMatchObject([{ provider: 'vnpay', note: expect.stringContaining('cannot read it') }]);
    expect(shown[0]?.raw).toBe(unreadable);
    expect(await deliver(notification(one))).toBe('00');
    expect(await statusOf(one)).toBe('confirmed');
  });

  it('of failure after success changes nothing, and success after failure confirms', async () => {
    const paid = await unpaid();
    expect(await deliver(notification(paid))).toBe('00');
    expect(await deliver(notification(paid, { response: '24', status: '02', transactionNo: '0' }))).toBe(
      '02',
    );
    expect(await statusOf(paid)).toBe('confirmed');
    const late = await unpaid();
    expect(await deliver(notification(late, { response: '51', status: '02', transactionNo: '0' }))).toBe(
      '00',
    );
    expect(await statusOf(late)).toBe('pending_payment');
    expect(await deliver(notification(late))).toBe('00');
    expect(await statusOf(late)).toBe('confirmed');
  });

  it('of success and of failure at the same moment ends in success', async () => {
    const one = await unpaid();
    const failure = notification(one, { response: '24', status: '02', transactionNo: '0' });
    await Promise.all([failure, notification(one), failure, notification(one)].map(deliver));
    expect(await statusOf(one)).toBe('confirmed');
    expect(await postings(one)).toEqual(['payment_received']);
  });

  it('confirms nothing when the amount differs, and the money keeps its owner', async () => {
    const one = await unpaid();
    const less = notification(one, { amount: one.start.attempt.amount - 1_000 });
    expect(await deliver(less)).toBe('04');
    expect(await deliver(less)).toBe('04');
    expect(await statusOf(one)).toBe('pending_payment');
    const kept = await sql(
      'select reason, amount::float8 as amount, payer_id, status from private.unmatched_money where reference = $1',
      [one.reference],
    );
    const amount = one.start.attempt.amount - 1_000;
    expect(kept).toEqual([{ reason: 'amount_mismatch', amount, payer_id: guest.id, status: 'open' }]);
    expect(await deliver(notification(one, { transactionNo: `7${one.reference.slice(-9)}` }))).toBe('00');
    expect(await statusOf(one)).toBe('confirmed');
  });

  it('keeps the money of a second payment of one booking apart', async () => {
    const one = await unpaid();
    const second = await startPayment(guest, one.booking);
    expect(second.attempt.reference).not.toBe(one.reference);
    expect(await deliver(notification(one))).toBe('00');
    const again = { ...one, start: second, reference: second.attempt.reference };
    expect(await deliver(notification(again))).toBe('00');
    const kept = await sql('select reason from private.unmatched_money where reference = $1', [
      again.reference,
    ]);
    expect(kept).toEqual([{ reason: 'paid_twice' }]);
    expect(await postings(one)).toEqual(['payment_received']);
  });

  it('is kept when it names an attempt that does not exist', async () => {
    const one = await unpaid();
    const unknown = { ...one, reference: `UNKNOWN${one.reference}` };
    expect(await deliver(notification(unknown))).toBe('01');
    const kept = await sql('select reason from private.unmatched_money where reference = $1', [
      unknown.reference,
    ]);
    expect(kept).toEqual([{ reason: 'unknown_reference' }]);
  });

  it('changes nothing when it is forged, and does not block the genuine one', async () => {
    const one = await unpaid();
    const forged = notification(one, {}, 'a guess');
    expect(await deliver(forged)).toBe('97');
    expect(await deliver(forged)).toBe('97');
    expect(await deliver(notification(one, { tmnCode: 'FOREIGN1' }))).toBe('97');
    expect(await deliver(notification(one).replace(/vnp_Amount=\d+/, 'vnp_Amount=100'))).toBe('97');
    expect(await statusOf(one)).toBe('pending_payment');
    const stored = await sql<{ verified: boolean }>(
      `select verified from private.payment_events where raw like '%' || $1 || '%'`,
      [one.reference],
    );
    expect(stored.map((row) => row.verified)).toEqual([false, false, false]);
    expect(await deliver(notification(one))).toBe('00');
    expect(await statusOf(one)).toBe('confirmed');
  });

  it("of suspected fraud waits for the provider's decision, and an admin sees it", async () => {
    const one = await unpaid();
    expect(await deliver(notification(one, { response: '07' }))).toBe('00');
    expect(await deliver(notification(one, { response: '07' }))).toBe('00');
    expect(await statusOf(one)).toBe('pending_payment');
    const shown = (await ok(staff.journey.admin.payments.eventsNeedingReview({ pageSize: 100 }))).rows;
    const about = shown.filter((event) => event.reference === one.reference);
    expect(about.map((event) => event.note)).toEqual([expect.stringContaining('suspects fraud')]);
    expect(await deliver(notification(one))).toBe('00');
    expect(await statusOf(one)).toBe('confirmed');
  });
});

/** Has the provider asked, as if all had been silent for a while. */
async function haveAskedAbout(silent: readonly Started[]): Promise<void> {
  await sql(
    `update public.payment_attempts set created_at = now() - interval '3 minutes' where id = any ($1)`,
    [silent.map(({ start }) => start.attempt.id)],
  );
  await sql('select private.enqueue_reconciliations()');
}

describe('a payment whose notification never came', () => {
  it('is found by a query to the provider', async () => {
    const one = await unpaid();
    await payAtSandbox(one.start, { notify: { never: true } });
    expect(await statusOf(one)).toBe('pending_payment');
    const found = async () => ((await statusOf(one)) === 'confirmed' ? true : null);
    await haveAskedAbout([one]);
    await eventually(found);
    const [event] = await sql<{ id: string; outcome: string }>(
      'select id, outcome from private.payment_events where reference = $1',
      [one.reference],
    );
    expect(event?.outcome).toBe('applied');
    // and the notification that comes after all brings the same event
    const sent = await fetch(`${setting('SANDBOX_URL')}/vnpay/api/notify`, {
      method: 'POST',
      body: JSON.stringify({ reference: one.reference }),
    });
    const { notifications } = (await sent.json()) as { notifications: { answer: string }[] };
    expect(notifications.map((call) => call.answer)).toEqual([expect.stringContaining('"RspCode":"02"')]);
    expect(await postings(one)).toEqual(['payment_received']);
  });

  it('is found by a query although its message came before the attempt and was of an unknown reference', async () => {
    const one = await unpaid();
    await payAtSandbox(one.start, { notify: { never: true } });
    const known = await fetch(`${setting('SANDBOX_URL')}/vnpay/api/transactions`);
    const transaction = ((await known.json()) as { txnRef: string; transactionNo: string }[]).find(
      ({ txnRef }) => txnRef === one.reference,
    );
    // as a database has it that was restored from before the attempt
    await sql(
      `insert into private.payment_events (provider, provider_event_id, verified, reference, raw, outcome, applied_at)
       values ('vnpay', $1, true, $2, 'raw', 'unknown_reference', now())`,
      [
        [one.reference, transaction?.transactionNo, 'succeeded', one.start.attempt.amount].join(':'),
        one.reference,
      ],
    );
    await haveAskedAbout([one]);
    await eventually(async () => ((await statusOf(one)) === 'confirmed' ? true : null));
    const events = await sql<{ outcome: string }>(
      'select outcome from private.payment_events where reference = $1',
      [one.reference],
    );
    expect(events).toEqual([{ outcome: 'applied' }]);
  });

  it('is found among others, and each is queried once', async () => {
    const silent = [await unpaid(), await unpaid(), await unpaid()];
    for (const { start } of silent) await payAtSandbox(start, { notify: { never: true } });
    await haveAskedAbout(silent);
    const allFound = async () => {
      const statuses = await Promise.all(silent.map(statusOf));
      return statuses.every((status) => status === 'confirmed') ? true : null;
    };
    await eventually(allFound);
    const asked = await eventually(async () => {
      const rows = await sql<{ checks: number; attempts: number; done: boolean }>(
        `select a.checks, o.attempts, o.status = 'done' as done from public.payment_attempts a
         join private.outbox o on o.topic = 'reconcile' and o.payload ->> 'attempt_id' = a.id::text
         where a.id = any ($1)`,
        [silent.map(({ start }) => start.attempt.id)],
      );
      return rows.every(({ done }) => done) ? rows : null;
    });
    expect(asked).toEqual(silent.map(() => ({ checks: 1, attempts: 1, done: true })));
  });
});

describe('the payments of a person', () => {
  it('are listed page by page, newest first, and nobody else’s', async () => {
    const made = [await unpaid(), await unpaid(), await unpaid()].map(
      ({ start }) => start.attempt.payment_id,
    );
    const first = await ok(guest.journey.payments.list({ pageSize: 2 }));
    expect(first.rows.map(({ id }) => id)).toEqual([made[2], made[1]]);
    const second = await ok(guest.journey.payments.list({ pageSize: 2, after: first.next }));
    expect(second.rows[0]?.id).toBe(made[0]);
    // an admin may read all of them, and has none
    expect((await ok(staff.journey.payments.list())).rows).toEqual([]);
  });
});

describe('the way to the provider and back', () => {
  it('has one link for one idempotency key, however often and fast the app asks', async () => {
    const booking = await book(guest, vehicle, period(24 * 80, 24));
    const { payment } = await ok(guest.journey.bookings.get(booking.id));
    const call = { paymentId: payment?.id ?? '', provider: 'vnpay' as const };
    const idempotencyKey = crypto.randomUUID();
    const starts = await Promise.all(
      Array.from({ length: 8 }, () => ok(guest.journey.payments.start(call, { idempotencyKey }))),
    );
    expect(new Set(starts.map((start) => start.attempt.id)).size).toBe(1);
    expect(new Set(starts.map((start) => start.redirect_url)).size).toBe(1);
    expect(starts[0]?.qr.svg).toMatch(/^<svg/);
  });

  it('shows the payer the result, without a key or token, and changes nothing', async () => {
    const one = await unpaid();
    const back = new URL(`${setting('FUNCTIONS_URL')}/payments/return/vnpay`);
    const answer = await fetch(`${back}?${notification(one)}`, { redirect: 'manual' });
    expect(answer.status).toBe(200);
    expect(await answer.text()).toContain('The payment was made');
    const onward = await fetch(`${back}?to=journey%3A%2F%2Fpaid&${notification(one)}`, {
      redirect: 'manual',
    });
    expect(onward.headers.get('location')).toMatch(/^journey:\/\/paid\?payment_status=succeeded/);
    expect(await statusOf(one)).toBe('pending_payment');
  });
});
