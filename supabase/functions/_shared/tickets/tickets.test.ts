import { generateKeyPairSync, sign as signBytes, verify as verifyBytes } from 'node:crypto';
import ICAL from 'ical.js';
import { describe, expect, it } from 'vitest';
import { readTicketCode } from '../../../../sdk/src/ticket-codes.ts';
import { type TicketToPrint, type TicketToSign, ticketToPrint } from '../contracts/tickets.ts';
import { ticketCalendar } from './calendar.ts';
import { signTicket } from './code.ts';
import { byteOrderMark, csvLine } from './csv.ts';
import { readTicketKeys, type TicketKeys } from './keys.ts';
import { ticketPage } from './page.ts';

const jwk = (kid: string): Record<string, unknown> => ({
  ...generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' }),
  kid,
});
async function keysOf(...set: Record<string, unknown>[]): Promise<TicketKeys> {
  const keys = await readTicketKeys({ TICKET_SIGNING_KEYS: JSON.stringify({ keys: set }) });
  if (!keys) throw new Error('no keys');
  return keys;
}
const ticket: TicketToSign = {
  ticket_id: '6f1c2d3e-0000-4000-8000-0000000000a1',
  event_id: '6f1c2d3e-0000-4000-8000-0000000000e1',
  custody: 2,
  secret: '00112233445566778899aabbccddeeff',
  valid_until: '2026-12-25T17:00:00+00:00',
};
const before = { now: Date.parse('2026-12-24T00:00:00Z') };

function printed(changes: Partial<TicketToPrint['event']> = {}, locale: 'vi' | 'en' = 'en'): TicketToPrint {
  return ticketToPrint.parse({
    id: ticket.ticket_id,
    number: 'T7K2M9QX',
    holder_name: 'Nguyễn <b>An</b>',
    class_name: 'VIP',
    seat: { section: 'A', row: '7', number: '12' },
    order_code: 'JO7K2M9Q',
    event: {
      title: 'Đêm nhạc; Trịnh, 2026',
      status: 'published',
      starts_at: '2026-12-24T13:00:00+00:00',
      ends_at: '2026-12-24T16:00:00+00:00',
      time_zone: 'Asia/Ho_Chi_Minh',
      venue: 'Nhà hát Lớn',
      address: '1 Tràng Tiền, Hà Nội',
      organizer: 'Sao Mai',
      updated_at: '2026-11-20T03:00:00+00:00',
      ...changes,
    },
    locale,
  });
}

describe('the code of a ticket', () => {
  it('is read back with the public key alone, as what was signed', async () => {
    const keys = await keysOf(jwk('k1'));
    expect(JSON.stringify(keys.public)).not.toContain('"d"');
    const check = await readTicketCode(await signTicket(ticket, keys), keys.public, before);
    expect(check.claims).toEqual({
      ticketId: ticket.ticket_id,
      eventId: ticket.event_id,
      custody: 2,
      expiresAt: Date.parse(ticket.valid_until) / 1000,
    });
  });

  it('is good with an older key as long as that key is published', async () => {
    const [old, next] = [jwk('k1'), jwk('k2')];
    const code = await signTicket(ticket, await keysOf(old));
    const both = await keysOf(next, old);
    expect(both.kid).toBe('k2');
    expect((await readTicketCode(code, both.public, before)).problem).toBeNull();
    expect((await readTicketCode(code, (await keysOf(next)).public, before)).problem).toBe('unknown_key');
  });

  it('is forged after any change of one character, or when another key signed it', async () => {
    const keys = await keysOf(jwk('k1'));
    const code = await signTicket(ticket, keys);
    // not its last letter, which has bits that no reader uses
    for (let at = 0; at < code.length - 1; at += 1) {
      const other = code[at] === 'A' ? 'B' : 'A';
      const changed = `${code.slice(0, at)}${other}${code.slice(at + 1)}`;
      expect((await readTicketCode(changed, keys.public, before)).claims).toBeNull();
    }
    const forged = await signTicket(ticket, await keysOf({ ...jwk('k1') }));
    expect((await readTicketCode(forged, keys.public, before)).problem).toBe('forged');
  });

  it('cannot be made with another algorithm', async () => {
    const keys = await keysOf(jwk('k1'));
    const [, body] = (await signTicket(ticket, keys)).split('.');
    for (const alg of ['none', 'HS256', 'ES256']) {
      const head = Buffer.from(JSON.stringify({ alg, kid: 'k1' })).toString('base64url');
      const code = `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`;
      expect((await readTicketCode(code, keys.public, before)).problem).toBe('unreadable');
    }
  });

  it('is over at its end, and nonsense is unreadable', async () => {
    const keys = await keysOf(jwk('k1'));
    const code = await signTicket(ticket, keys);
    const end = Date.parse(ticket.valid_until);
    expect((await readTicketCode(code, keys.public, { now: end - 1 })).problem).toBeNull();
    expect((await readTicketCode(code, keys.public, { now: end })).problem).toBe('expired');
    for (const text of ['', '.', 'a.b.c', `${code}.x`, 'https://example.com', '\u0000', '…'.repeat(200)]) {
      expect((await readTicketCode(text, keys.public, before)).problem).toBe('unreadable');
    }
  });

  it('can be checked by another implementation, which React Native needs', async () => {
    const pair = generateKeyPairSync('ed25519');
    const keys = await keysOf({ ...pair.privateKey.export({ format: 'jwk' }), kid: 'k1' });
    const code = await signTicket(ticket, keys);
    const verify = (signature: Uint8Array, message: Uint8Array): boolean =>
      verifyBytes(null, message, pair.publicKey, signature);
    expect((await readTicketCode(code, keys.public, { ...before, verify })).problem).toBeNull();
    const [head, body] = code.split('.');
    const own = signBytes(null, Buffer.from(`${head}.${body}`), pair.privateKey).toString('base64url');
    expect(`${head}.${body}.${own}`).toBe(code);
  });
});

describe('the keys of tickets', () => {
  it('are refused in any other form, without showing them', async () => {
    const good = jwk('k1');
    const secret = String(good.d);
    for (const bad of [
      'x',
      '{}',
      '{"keys":[]}',
      JSON.stringify({ keys: [{ ...good, d: undefined }] }),
      JSON.stringify({ keys: [good, good] }),
      JSON.stringify({ keys: [{ ...good, crv: 'X25519' }] }),
    ]) {
      const error = await readTicketKeys({ TICKET_SIGNING_KEYS: bad }).catch((thrown: Error) => thrown);
      expect(String(error)).toContain('TICKET_SIGNING_KEYS');
      expect(String(error)).not.toContain(secret);
    }
    expect(await readTicketKeys({})).toBeNull();
  });
});

describe('the calendar file of a ticket', () => {
  it('is read back by a calendar with its time, place and title', () => {
    const text = ticketCalendar(printed());
    expect(text.split('\r\n').every((line) => new TextEncoder().encode(line).length <= 75)).toBe(true);
    const event = new ICAL.Event(
      new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent') ?? undefined,
    );
    expect(event.summary).toBe('Đêm nhạc; Trịnh, 2026');
    expect(event.location).toBe('Nhà hát Lớn, 1 Tràng Tiền, Hà Nội');
    expect(event.startDate.toJSDate().toISOString()).toBe('2026-12-24T13:00:00.000Z');
    expect(event.endDate.toJSDate().toISOString()).toBe('2026-12-24T16:00:00.000Z');
  });

  it('replaces the entry of before, also when the event was cancelled', () => {
    const [first, later] = [
      printed(),
      printed({ status: 'cancelled', updated_at: '2026-11-21T03:00:00+00:00' }),
    ].map((one) => new ICAL.Component(ICAL.parse(ticketCalendar(one))).getFirstSubcomponent('vevent'));
    expect(later?.getFirstPropertyValue('uid')).toBe(first?.getFirstPropertyValue('uid'));
    expect(Number(later?.getFirstPropertyValue('sequence'))).toBeGreaterThan(
      Number(first?.getFirstPropertyValue('sequence')),
    );
    expect(later?.getFirstPropertyValue('status')).toBe('CANCELLED');
  });

  it('is tentative while its event has no date', () => {
    const text = ticketCalendar(printed({ status: 'postponed' }));
    const entry = new ICAL.Component(ICAL.parse(text)).getFirstSubcomponent('vevent');
    expect(entry?.getFirstPropertyValue('status')).toBe('TENTATIVE');
  });
});

describe('the page of a ticket', () => {
  it('shows the local time with its zone, and names as text', async () => {
    const page = await ticketPage(printed(), 'code');
    expect(page).toMatch(/20:00/);
    expect(page).toMatch(/24 December 2026/);
    expect(page).toContain('Indochina Time');
    expect(page).toContain('Nguyễn &lt;b&gt;An&lt;/b&gt;');
    expect(page).toContain('<svg');
    expect(await ticketPage(printed({}, 'vi'), 'code')).toContain('24 tháng 12');
  });

  it('says that an event was postponed', async () => {
    expect(await ticketPage(printed({ status: 'postponed' }), 'code')).toContain('was postponed');
  });
});

describe('a line of CSV', () => {
  it('opens right in a spreadsheet: quoted, and no text is a formula', () => {
    expect(byteOrderMark).toBe('\uFEFF');
    expect(csvLine(['Trần "Bin", An', null, 1500000, 'a\nb'])).toBe('"Trần ""Bin"", An",,1500000,"a\nb"\r\n');
    for (const text of ['=1+1', '+84900000001', '-2', '@SUM(A1)', '\t=1', ' =1']) {
      expect(csvLine([text]).replaceAll('"', '')).toBe(`'${text}\r\n`);
    }
    // a number is a number
    expect(csvLine([-5])).toBe('-5\r\n');
  });
});
