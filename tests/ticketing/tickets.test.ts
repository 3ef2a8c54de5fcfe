import { addHours } from 'date-fns';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createJourney, readTicketCode, type Scan } from '../../sdk/src/index.ts';
import { setting } from '../support/setting.ts';
import { admin, client, closeSql, ok, type Person, person, refusal, sql } from '../support/world.ts';

let organizer: Person;
let gate: Person;
let buyer: Person;
let friend: Person;
let eventId: string;
let listId: string;
let tickets: string[];
let orderId: string;

beforeAll(async () => {
  const staff = await admin();
  [organizer, gate, buyer, friend] = await Promise.all([
    person('organizer'),
    person('gate'),
    person('buyer'),
    person('friend'),
  ]);
  const stage = await ok(organizer.journey.organizers.create({ name: 'Sao Mai' }));
  await sql('insert into public.organizer_members (organizer_id, user_id, role) values ($1, $2, $3)', [
    stage.id,
    gate.id,
    'scanner',
  ]);
  const startsAt = addHours(new Date(), 200);
  const event = await ok(
    organizer.journey.events.create(stage.id, {
      title: 'Đêm nhạc, 2026',
      category: 'music',
      venue: 'Nhà hát Lớn',
      address: '1 Tràng Tiền',
      city: 'Hà Nội',
      starts_at: startsAt.toISOString(),
      ends_at: addHours(startsAt, 3).toISOString(),
    }),
  );
  eventId = event.id;
  const { id: classId } = await ok(
    organizer.journey.events.addClass(eventId, { name: 'Guests', price: 0, total: 20 }),
  );
  await ok(organizer.journey.events.configure(eventId, { max_per_order: 7, returns_hours: 24 }));
  await ok(staff.journey.events.review({ eventId, approve: true }));
  await ok(organizer.journey.events.publish(eventId));
  orderId = (await ok(buyer.journey.orders.create({ eventId, items: [{ classId, quantity: 7 }] }))).id;
  tickets = (await ok(buyer.journey.tickets.list())).rows.map(({ id }) => id);
  listId = (await ok(gate.journey.checkIn.lists(eventId)))[0]?.id ?? '';
});

afterAll(closeSql);

const codeOf = async (one: Person, ticket: string): Promise<string> =>
  (await ok(one.journey.tickets.code(ticket))).code;

/** A storage as apps have one. */
function memory(): { getItem(key: string): string | null; setItem(key: string, value: string): void } {
  const kept = new Map<string, string>();
  return {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
  };
}

describe('tickets', () => {
  it('are seven for seven, each with a code that anybody can check with the public keys', async () => {
    expect(tickets).toHaveLength(7);
    const codes = await Promise.all(tickets.map((ticket) => codeOf(buyer, ticket)));
    expect(new Set(codes).size).toBe(7);
    const keys = await ok(client().tickets.keys());
    const check = await readTicketCode(codes[0] ?? '', keys);
    expect(check.claims).toMatchObject({ ticketId: tickets[0], eventId, custody: 1 });
  });

  it('come as a page to print and as a calendar file, for their holder alone', async () => {
    const [ticket = ''] = tickets;
    const page = await ok(buyer.journey.tickets.page(ticket));
    expect(page).toContain('<svg');
    expect(page).toContain('Đêm nhạc, 2026');
    expect(await ok(buyer.journey.tickets.calendar(ticket))).toContain('BEGIN:VEVENT');
    expect(await refusal(friend.journey.tickets.page(ticket))).toBe('ticket_not_found');
    expect(await refusal(friend.journey.tickets.code(ticket))).toBe('ticket_not_found');
    expect(await refusal(buyer.journey.tickets.page('../quote'))).toBe('invalid_input');
  });

  it('change hands, and the code of before no longer opens the door', async () => {
    const ticket = tickets[0] ?? '';
    const old = await codeOf(buyer, ticket);
    const offer = await ok(buyer.journey.tickets.offer(ticket));
    expect(await refusal(friend.journey.tickets.accept(offer.id, { code: 'guess' }))).toBe(
      'transfer_not_found',
    );
    const accepted = await ok(friend.journey.tickets.accept(offer.id, { code: offer.code ?? '' }));
    expect(accepted.holder_id).toBe(friend.id);
    expect((await ok(gate.journey.checkIn.scan({ listId, code: old }))).result).toBe('old_code');
    const fresh = await codeOf(friend, ticket);
    expect(await ok(gate.journey.checkIn.scan({ listId, code: fresh, gate: 'North' }))).toMatchObject({
      is_admitted: true,
      result: 'ok',
    });
    expect(await ok(gate.journey.checkIn.scan({ listId, code: fresh }))).toMatchObject({
      is_admitted: false,
      result: 'already_admitted',
      first: { gate: 'North' },
    });
  });
});

describe('a scanner', () => {
  it('goes on without a connection, and reports what it did as it happened', async () => {
    const [, good = '', cancelled = '', elsewhere = ''] = tickets;
    const codes = {
      good: await codeOf(buyer, good),
      cancelled: await codeOf(buyer, cancelled),
      elsewhere: await codeOf(buyer, elsewhere),
    };
    // the device of the gate, with a connection that can be cut
    let isCut = false;
    const journey = createJourney({
      url: setting('API_URL'),
      publishableKey: setting('PUBLISHABLE_KEY'),
      fetch: (...args) => (isCut ? Promise.reject(new TypeError('no connection')) : fetch(...args)),
    });
    const { data } = await gate.journey.supabase.auth.getSession();
    await journey.supabase.auth.setSession(data.session ?? { access_token: '', refresh_token: '' });
    const storage = memory();
    const conflicts: Scan[] = [];
    const options = { listId, storage, gate: 'South', onConflict: (scan: Scan) => void conflicts.push(scan) };
    const scanner = await journey.checkIn.scanner(options);
    expect(scanner.size).toBe(7);

    isCut = true;
    // meanwhile one ticket is cancelled, and one is used at another gate
    await ok(buyer.journey.orders.cancel({ orderId, ticketIds: [cancelled], expectedRefundAmount: 0 }));
    await ok(gate.journey.checkIn.scan({ listId, code: codes.elsewhere, gate: 'North' }));
    expect(await scanner.scan(codes.good)).toMatchObject({ isAdmitted: true, result: 'ok', isOffline: true });
    expect(await scanner.scan(codes.good)).toMatchObject({ isAdmitted: false, result: 'already_admitted' });
    expect(await scanner.scan(codes.cancelled)).toMatchObject({ isAdmitted: true, result: 'ok' });
    expect(await scanner.scan(codes.elsewhere)).toMatchObject({ isAdmitted: true, result: 'ok' });
    const [head = '', body = ''] = codes.good.split('.');
    const forged = `${head}.${body}.${'A'.repeat(86)}`;
    expect(await scanner.scan(forged)).toMatchObject({
      isAdmitted: false,
      result: 'forged',
      isOffline: true,
    });
    expect(scanner.waiting.length).toBe(4);

    // the app is closed and opened again, still without a connection
    const reopened = await journey.checkIn.scanner(options);
    expect(reopened.waiting.length).toBe(4);
    isCut = false;
    await reopened.refresh();
    expect(reopened.waiting).toEqual([]);
    expect(conflicts.map(({ result }) => result).sort()).toEqual(['already_admitted', 'cancelled']);
    const seen = await ok(organizer.journey.checkIn.conflicts({ eventId }));
    expect(seen.rows.map(({ result }) => result).sort()).toEqual(['already_admitted', 'cancelled']);
    expect(await reopened.scan(codes.good)).toMatchObject({ result: 'already_admitted', isOffline: false });
    await journey.close();
  });
});

describe('an organizer', () => {
  it('downloads the attendees for a spreadsheet, and a scanner does not', async () => {
    await ok(buyer.journey.tickets.rename(tickets[5] ?? '', '=cmd()'));
    const csv = await ok(organizer.journey.checkIn.attendeesCsv(eventId));
    expect(csv.split('\r\n')).toHaveLength(9);
    expect(csv).toContain("'=cmd()");
    expect(await refusal(gate.journey.checkIn.attendeesCsv(eventId))).toBe('event_not_found');
    const sales = await ok(organizer.journey.checkIn.sales(eventId));
    expect(sales.classes[0]).toMatchObject({ sold: 6, cancelled: 1, left: 14 });
  });
});
