import { type Connection, refuse } from './application.ts';

interface Payable {
  attempt_id: string;
  attempt_status: string;
  amount: string;
  currency: string;
  payment_id: string;
  payment_status: string;
  booking_id: string;
  vehicle_id: string;
}

interface Person {
  id: string;
  locale: string;
}

const history = `insert into private.domain_events (type, subject_id, machine, from_state, event, to_state, cause, data)
  values ($1, $2, $3, $4, $5, $6, 'provider:vnpay', $7)`;

/** A text with {{variables}}, filled. */
function fill(text: string, data: Record<string, unknown>): string {
  return text.replace(/{{(.*?)}}/g, (_, name: string) =>
    String(data[name] ?? refuse(`no value for ${name}`)),
  );
}

/** Makes a formatter once for each of its arguments: making one costs more than using it. */
function cached<T>(make: (locale: string, other: string) => T): (locale: string, other: string) => T {
  const made = new Map<string, T>();
  return (locale, other) => {
    const key = `${locale} ${other}`;
    const known = made.get(key) ?? make(locale, other);
    made.set(key, known);
    return known;
  };
}
const times = cached(
  (locale, timeZone) => new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeStyle: 'short', timeZone }),
);
const amounts = cached((locale, currency) => new Intl.NumberFormat(locale, { style: 'currency', currency }));

/** Tells one person: the notification with its number, the broadcast, the order for a mail. */
async function tell(
  sql: Connection,
  person: Person,
  template: string,
  data: Record<string, unknown>,
): Promise<void> {
  const [text] = await sql.rows<{
    category: string;
    version: number;
    title: string;
    body: string;
    email_subject: string;
  }>(
    `select category, version, title, body, email_subject from public.notification_templates
     where code = $1 and locale = $2 order by version desc limit 1`,
    [template, person.locale],
  );
  if (text === undefined) return refuse(`no template ${template}`);
  const { last_seq } = await sql.row<{ last_seq: string }>(
    'update private.inboxes set last_seq = last_seq + 1 where user_id = $1 returning last_seq',
    [person.id],
  );
  const told = await sql.row<{ id: string }>(
    `insert into public.notifications (user_id, seq, category, template, template_version, locale, title, body, data, dedupe_key)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) returning *`,
    [
      ...[person.id, last_seq, text.category, template, text.version, person.locale],
      ...[fill(text.title, data), fill(text.body, data), data, `booking_confirmed:${data.booking_id}`],
    ],
  );
  const { unread } = await sql.row<{ unread: number }>(
    'select count(*)::int as unread from public.notifications where user_id = $1 and read_at is null and deleted_at is null',
    [person.id],
  );
  await broadcast(sql, `user:${person.id}`, 'notification', { ...told, unread });
  const mail = await sql.row<{ id: string }>(
    "insert into public.deliveries (user_id, notification_id, category, channel) values ($1, $2, $3, 'email') returning id",
    [person.id, told.id, text.category],
  );
  await sql.rows(
    `insert into public.deliveries (user_id, notification_id, category, channel, status, reason, decided_at)
     values ($1, $2, $3, 'push', 'suppressed', 'no_device', now())`,
    [person.id, told.id, text.category],
  );
  await sql.rows("insert into private.outbox (topic, payload, dedupe_key) values ('email', $1, $2)", [
    { delivery_id: mail.id },
    mail.id,
  ]);
}

/** The ledger account of an owner, made when it is not there. */
async function account(sql: Connection, kind: string, owner: string, currency: string): Promise<string> {
  const made = await sql.rows<{ id: string }>(
    'insert into private.ledger_accounts (kind, owner, currency) values ($1, $2, $3) on conflict do nothing returning id',
    [kind, owner, currency],
  );
  if (made[0] !== undefined) return made[0].id;
  const found = await sql.row<{ id: string }>(
    'select id from private.ledger_accounts where kind = $1 and owner = $2 and currency = $3',
    [kind, owner, currency],
  );
  return found.id;
}

/** A broadcast on a private topic. */
async function broadcast(sql: Connection, topic: string, event: string, payload: unknown): Promise<void> {
  await sql.rows(
    "insert into realtime.messages (topic, extension, payload, event, private) values ($1, 'broadcast', $2, $3, true)",
    [topic, payload, event],
  );
}

/** The conversation of two people, locked, with both in it. */
async function conversationOf(sql: Connection, renterId: string, hostId: string): Promise<string> {
  const pair = [renterId, hostId].sort();
  await sql.rows(
    `insert into public.conversations (kind, first_user_id, second_user_id) values ('direct', $1, $2)
     on conflict (first_user_id, second_user_id) do nothing`,
    pair,
  );
  const { id } = await sql.row<{ id: string }>(
    'select id from public.conversations where first_user_id = $1 and second_user_id = $2 for no key update',
    pair,
  );
  const members = await sql.rows<{ user_id: string; status: string }>(
    'select user_id, status from public.conversation_members where conversation_id = $1',
    [id],
  );
  for (const userId of [renterId, hostId]) {
    const member = members.find((one) => one.user_id === userId);
    if (member?.status === 'active') continue;
    if (member !== undefined) refuse('somebody who left is not brought back here');
    const made = await sql.row<{ id: string }>(
      `insert into public.conversation_members (conversation_id, user_id, status, reads_from, readable)
       values ($1, $2, 'active', 1, '{[1,)}') returning id`,
      [id, userId],
    );
    await sql.rows(history, [
      ...['conversation_member.join', made.id, 'conversation_member', 'initial', 'join', 'active', {}],
    ]);
    await sql.rows('insert into public.conversation_markers (conversation_id, user_id) values ($1, $2)', [
      id,
      userId,
    ]);
  }
  return id;
}

/** Writes a system message, and tells both people of it. */
async function say(sql: Connection, conversationId: string, people: string[], data: unknown): Promise<void> {
  const numbers = await sql.row<{ last_seq: string; last_change: string }>(
    `update public.conversations set last_seq = last_seq + 1, last_change = last_change + 1, last_message_at = now()
     where id = $1 returning last_seq, last_change`,
    [conversationId],
  );
  await sql.rows(
    "insert into public.messages (conversation_id, seq, change, kind, data) values ($1, $2, $3, 'system', $4)",
    [conversationId, numbers.last_seq, numbers.last_change, data],
  );
  await broadcast(sql, `conversation:${conversationId}`, 'changed', numbers);
  for (const userId of people) {
    await broadcast(sql, `user:${userId}`, 'conversation', { conversation_id: conversationId, ...numbers });
  }
}

const rawMessage = (reference: string) =>
  `vnp_Amount=163000000&vnp_BankCode=NCB&vnp_BankTranNo=VNP14000001&vnp_CardType=ATM&vnp_OrderInfo=Thanh+toan+don+dat+xe&vnp_PayDate=20261120101500&vnp_ResponseCode=00&vnp_TmnCode=JOURNEY1&vnp_TransactionNo=14000001&vnp_TransactionStatus=00&vnp_TxnRef=${reference}&vnp_SecureHash=${'0123456789abcdef'.repeat(8)}`;

/** A verified webhook by a careful application: stored in one transaction, applied in another. */
export async function applyWebhook(sql: Connection, n: number): Promise<void> {
  const reference = `W${n}`;
  const transactionId = `T${n}`;
  const amount = 1_630_000;
  const eventId = await sql.transaction(async () => {
    const event = await sql.row<{ id: string }>(
      `insert into private.payment_events (provider, provider_event_id, verified, reference, raw, headers)
       values ('vnpay', $1, true, $2, $3, $4) on conflict (provider, provider_event_id) do nothing returning id`,
      [
        `${reference}-1`,
        reference,
        rawMessage(reference),
        { 'content-type': 'application/x-www-form-urlencoded', 'user-agent': 'VNPay' },
      ],
    );
    return event.id;
  });
  await sql.transaction(async () => {
    const event = await sql.row<{ outcome: string | null }>(
      'select outcome from private.payment_events where id = $1 and verified for update',
      [eventId],
    );
    if (event.outcome !== null) refuse('duplicate');
    const payable = await sql.row<Payable>(
      `select a.id as attempt_id, a.status as attempt_status, a.amount, a.currency, p.id as payment_id,
         p.status as payment_status, b.id as booking_id, b.vehicle_id
       from public.payment_attempts a
       join public.payments p on p.id = a.payment_id
       join public.bookings b on b.id = p.payable_id
       where a.provider = 'vnpay' and a.reference = $1`,
      [reference],
    );
    // The order of locks of every command: vehicle, booking, payment, attempt.
    await sql.row('select id from public.vehicles where id = $1 for no key update', [payable.vehicle_id]);
    const booking = await sql.row<Record<string, string> & { starts_at: Date; ends_at: Date }>(
      'select * from public.bookings where id = $1 for no key update',
      [payable.booking_id],
    );
    const payment = await sql.row<{ status: string; amount: string }>(
      'select status, amount from public.payments where id = $1 for no key update',
      [payable.payment_id],
    );
    const attempt = await sql.row<{ status: string; amount: string; currency: string }>(
      'select status, amount, currency from public.payment_attempts where id = $1 for no key update',
      [payable.attempt_id],
    );
    const told = await sql.rows(
      "select 1 from private.unmatched_money where provider = 'vnpay' and transaction_id = $1 and settlement is distinct from 'void'",
      [transactionId],
    );
    const paid = await sql.rows(
      "select 1 from public.payment_attempts where provider = 'vnpay' and provider_transaction_id = $1",
      [transactionId],
    );
    if (told.length + paid.length > 0) refuse('duplicate');
    if (attempt.status === 'succeeded' || !['pending', 'processing'].includes(payment.status))
      refuse('paid_twice');
    if (Number(attempt.amount) !== amount || attempt.currency !== 'VND') refuse('amount_mismatch');
    if (booking.status !== 'pending_payment') refuse('too_late');

    await sql.row(
      "update public.calendar_entries set kind = 'booking', expires_at = null, holder_id = null where booking_id = $1 returning id",
      [payable.booking_id],
    );
    await sql.rows(
      `update public.payment_attempts
       set status = 'succeeded', provider_transaction_id = $2, transaction_amount = $3, failure_code = null, checked_at = now()
       where id = $1`,
      [payable.attempt_id, transactionId, amount],
    );
    const kept = { provider_transaction_id: transactionId, transaction_amount: amount };
    await sql.rows(history, [
      ...[
        'payment_attempt.succeed',
        payable.attempt_id,
        'payment_attempt',
        attempt.status,
        'succeed',
        'succeeded',
        kept,
      ],
    ]);
    await sql.rows(
      "update public.payments set status = 'succeeded', succeeded_at = now(), settlement = 'kept', updated_at = now() where id = $1",
      [payable.payment_id],
    );
    await sql.rows(history, [
      ...['payment.succeed', payable.payment_id, 'payment', payment.status, 'succeed', 'succeeded', {}],
    ]);
    const others = await sql.rows(
      "select id from public.payment_attempts where payment_id = $1 and status = 'pending' and id <> $2",
      [payable.payment_id, payable.attempt_id],
    );
    if (others.length > 0) refuse('other attempts would be cancelled');

    const deposit = Number(booking.deposit_amount);
    const lines = [
      { kind: 'clearing', owner: 'vnpay', amount },
      { kind: 'escrow', owner: payable.booking_id, amount: deposit - amount },
      { kind: 'deposit', owner: payable.booking_id, amount: -deposit },
    ];
    const accounts: string[] = [];
    for (const { kind, owner } of lines) accounts.push(await account(sql, kind, owner, 'VND'));
    const posted = await sql.row<{ id: string }>(
      `insert into private.ledger_transactions (event, reference, currency, payable_id) values ('payment_received', $1, 'VND', $2) returning id`,
      [payable.payment_id, payable.booking_id],
    );
    for (const [i, line] of lines.entries()) {
      await sql.rows(
        "insert into private.ledger_entries (transaction_id, account_id, currency, amount) values ($1, $2, 'VND', $3)",
        [posted.id, accounts[i], line.amount],
      );
    }
    await sql.rows(
      'insert into private.domain_events (type, subject_id, cause, data) values ($1, $2, $3, $4)',
      [
        ...['ledger.payment_received', payable.booking_id, 'provider:vnpay'],
        { reference: payable.payment_id, currency: 'VND', lines },
      ],
    );
    await sql.rows(
      `update public.bookings
       set status = 'confirmed', confirmed_at = now(), hold_expires_at = null, deposit_status = 'held', updated_at = now()
       where id = $1`,
      [payable.booking_id],
    );
    await sql.rows(history, [
      ...['booking.confirm', payable.booking_id, 'booking', 'pending_payment', 'confirm', 'confirmed', {}],
    ]);
    const vehicle = await sql.row<{ title: string; time_zone: string }>(
      'select title, time_zone from public.vehicles where id = $1',
      [payable.vehicle_id],
    );
    const facts = {
      booking_id: payable.booking_id,
      code: booking.code,
      vehicle_id: payable.vehicle_id,
      vehicle: vehicle.title,
      starts: booking.starts_at.toISOString(),
      ends: booking.ends_at.toISOString(),
    };
    const people = await sql.rows<Person>(
      'select id, locale from public.profiles where id = any ($1) order by id',
      [[booking.renter_id, booking.host_id]],
    );
    for (const person of people) {
      const role = person.id === booking.renter_id ? 'renter' : 'host';
      const period = times(person.locale, vehicle.time_zone).formatRange(booking.starts_at, booking.ends_at);
      const total = amounts(person.locale, String(booking.currency)).format(Number(booking.total_amount));
      await tell(sql, person, `booking_confirmed_${role}`, { ...facts, period, total });
    }
    await sql.rows("insert into private.outbox (topic, payload, dedupe_key) values ('receipt', $1, $2)", [
      { kind: 'receipt', subject_id: payable.payment_id },
      `receipt:${payable.payment_id}`,
    ]);
    // As late as possible, and after the inboxes.
    const both = [booking.renter_id, booking.host_id] as [string, string];
    const conversationId = await conversationOf(sql, ...both);
    const said = { code: 'booking_confirm', booking_id: payable.booking_id, booking: booking.code };
    await say(sql, conversationId, both, said);
    await sql.rows(
      "update private.payment_events set outcome = 'applied', applied_at = now() where id = $1",
      [eventId],
    );
  });
}
