import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  admin,
  closeSql,
  eventually,
  invariantViolations,
  listing,
  ok,
  type Person,
  paidBooking,
  period,
  person,
  quote,
  refusal,
  renter,
  sql,
} from '../support/world.ts';

const firm = { legalName: 'Công ty TNHH Ánh Dương', address: '1 Tràng Tiền, Hà Nội', taxCode: '0100109106' };

/** Names of one word that no other test uses, so that a search finds these people alone. */
const word = `Quỳnh${crypto.randomUUID().replaceAll('-', '')}`;
const plain = word.replace('ỳ', 'y').toUpperCase();

let staff: Person;
let seeker: Person;
let found: Person[];

beforeAll(async () => {
  staff = await admin();
  seeker = await person('seeker');
  found = await Promise.all(
    ['Đỗ', 'An', 'Đỗ', 'Bình'].map(async (first) => {
      const one = await person();
      await ok(one.journey.profiles.update({ display_name: `${first} ${word}` }));
      return one;
    }),
  );
});
afterAll(closeSql);

describe('a search for people', () => {
  it('finds names with diacritics without them, page by page, each person once', async () => {
    const names: string[] = [];
    const ids = new Set<string>();
    for await (const one of seeker.journey.profiles.search({ query: plain, pageSize: 1 })) {
      const { display_name, user_id } = await ok(Promise.resolve(one));
      names.push(display_name);
      ids.add(user_id);
    }
    expect(names).toEqual([`An ${word}`, `Bình ${word}`, `Đỗ ${word}`, `Đỗ ${word}`]);
    expect(ids).toEqual(new Set(found.map(({ id }) => id)));
    const { rows } = await ok(seeker.journey.profiles.search({ query: `do ${plain}` }));
    expect(rows.map((row) => row.display_name)).toEqual([`Đỗ ${word}`, `Đỗ ${word}`]);
  });

  it('does not find who does not want to be found, or who has blocked the one that searches', async () => {
    const [, an, , binh] = found as [Person, Person, Person, Person];
    await ok(an.journey.profiles.update({ is_findable: false }));
    await sql('insert into public.user_blocks (user_id, blocked_id) values ($1, $2)', [binh.id, seeker.id]);
    const { rows } = await ok(seeker.journey.profiles.search({ query: plain }));
    expect(rows.map((row) => row.display_name)).toEqual([`Đỗ ${word}`, `Đỗ ${word}`]);
    expect(await refusal(seeker.journey.profiles.search({ query: 'x' }))).toBe('invalid_input');
  });
});

describe('several people at once', () => {
  it('come in the order asked for, without those who do not exist', async () => {
    const [first, second] = found as [Person, Person];
    const ids = [second.id, crypto.randomUUID(), first.id];
    const people = await ok(seeker.journey.profiles.getMany(ids));
    expect(people.map((one) => one.user_id)).toEqual([second.id, first.id]);
    expect(people[0]).toEqual(await ok(seeker.journey.profiles.get(second.id)));
    const many = Array.from({ length: 101 }, () => crypto.randomUUID());
    expect((await seeker.journey.profiles.getMany(many)).error?.details).toMatchObject({ field: 'userIds' });
  });
});

describe('the own profile', () => {
  it('keeps links and preferences, and names the field of a refusal', async () => {
    const { journey } = await person('linked');
    const links = [{ kind: 'facebook' as const, url: 'https://www.facebook.com/linked' }];
    const saved = await ok(
      journey.profiles.update({
        links,
        shows_presence: false,
        shares_read_marks: false,
        allows_marketing: true,
      }),
    );
    expect(saved).toMatchObject({
      links,
      shows_presence: false,
      shares_read_marks: false,
      allows_marketing: true,
    });
    expect(await ok(journey.profiles.me())).toMatchObject({
      phone: null,
      email_verified_at: null,
      is_findable: true,
    });
    const wrong = [{ kind: 'facebook' as const, url: 'https://elsewhere.example/linked' }];
    expect((await journey.profiles.update({ links: wrong })).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'links' },
    });
    expect((await journey.profiles.update({ display_name: '\u3164\u2800\u200d' })).error).toMatchObject({
      code: 'invalid_input',
      details: { field: 'display_name' },
    });
    expect((await ok(journey.profiles.update({ display_name: ' A\u202e  B\u200b ' }))).display_name).toBe(
      'A B',
    );
  });
});

describe('billing details', () => {
  it('are set, replaced and removed by their owner, and read by nobody else', async () => {
    const one = await person('firm');
    expect(await ok(one.journey.profiles.billing())).toBeNull();
    await ok(one.journey.profiles.setBilling(firm));
    expect(await ok(one.journey.profiles.billing())).toMatchObject({
      legal_name: firm.legalName,
      tax_code: firm.taxCode,
    });
    const wrong = await one.journey.profiles.setBilling({ ...firm, taxCode: '0100109107' });
    expect(wrong.error).toMatchObject({ code: 'invalid_input', details: { field: 'taxCode' } });
    expect((await ok(one.journey.profiles.setBilling({ ...firm, taxCode: null }))).tax_code).toBeNull();
    const { data } = await seeker.journey.supabase.from('billing_details').select('user_id');
    expect(data).toEqual([]);
    await ok(one.journey.profiles.removeBilling());
    await ok(one.journey.profiles.removeBilling());
    expect(await ok(one.journey.profiles.billing())).toBeNull();
  });

  it('are of one of two calls that come at once, whole', async () => {
    const one = await person('twice');
    const other = { legalName: 'Ánh Dương', address: '2 Hàng Bài, Hà Nội', taxCode: '0100684378' };
    const sent = Array.from({ length: 8 }, (_, i) => one.journey.profiles.setBilling(i % 2 ? firm : other));
    for (const result of await Promise.all(sent)) expect(result.error).toBeNull();
    const kept = await ok(one.journey.profiles.billing());
    const { legalName, address, taxCode } = kept?.tax_code === firm.taxCode ? firm : other;
    expect(kept).toMatchObject({ legal_name: legalName, address, tax_code: taxCode });
  });

  it('are on the receipt as they were when it was issued', async () => {
    const vehicle = await listing(await person('host'), staff);
    const payer = await renter(staff);
    await ok(payer.journey.profiles.setBilling(firm));
    await paidBooking(payer, vehicle, period(24 * 60, 24), 'momo');
    const receipt = await eventually(async () => (await ok(payer.journey.receipts.list())).rows[0] ?? null);
    await ok(
      payer.journey.profiles.setBilling({ legalName: 'Somebody else', address: '9 Hàng Bài, Hà Nội' }),
    );
    const { content } = await ok(payer.journey.receipts.get(receipt.id));
    expect(content.buyer).toEqual({ name: firm.legalName, address: firm.address, tax_code: firm.taxCode });
    const page = await ok(payer.journey.receipts.page(receipt.id));
    for (const part of [firm.legalName, firm.address, firm.taxCode]) expect(page).toContain(part);
    expect(page).not.toContain('Somebody else');
  });
});

describe('the response time of a host', () => {
  it('is on the public profile once a request was answered, also when both sides act at once', async () => {
    const host = await person('host');
    const vehicle = await listing(host, staff, { instant_book: false });
    const guest = await renter(staff);
    expect((await ok(guest.journey.profiles.get(host.id))).response_minutes).toBeNull();
    const asked = await ok(
      guest.journey.bookings.create({ quoteId: (await quote(guest, vehicle, period(24 * 50, 24))).id }),
    );
    await Promise.all([
      host.journey.bookings.answer({ bookingId: asked.id, accept: false }),
      host.journey.bookings.answer({ bookingId: asked.id, accept: false }),
      guest.journey.bookings.cancel({
        bookingId: asked.id,
        expectedRefundAmount: 0,
        reason: 'Not needed any more',
      }),
    ]);
    const { status } = (await ok(guest.journey.bookings.get(asked.id))).booking;
    const minutes = (await ok(guest.journey.profiles.get(host.id))).response_minutes;
    expect([status, minutes]).toEqual(
      status === 'declined' ? ['declined', expect.any(Number)] : ['cancelled', null],
    );
    expect(await invariantViolations(asked.id)).toEqual([]);
  });
});
