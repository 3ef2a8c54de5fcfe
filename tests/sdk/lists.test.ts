import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journey, List, PageOptions } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';
import { type Method, readMethods } from './methods.ts';

const session = {
  access_token: `e30.${btoa(JSON.stringify({ sub: 'u', exp: 4_000_000_000 }))}.x`,
  refresh_token: 'r',
  token_type: 'bearer',
  expires_in: 3600,
  user: { id: 'u', aud: 'authenticated', email: 'a@example.com' },
};
const day = (n: number) => `2026-11-0${n}T00:00:00+00:00`;
const row = (n: number) => ({
  id: `r${n}`,
  role: 'admin',
  created_at: day(n),
  starts_at: day(n),
  trend_at: day(n),
  ends_at: day(n),
  issued_at: day(n),
  released_at: day(n),
  received_at: day(n),
  suppressed_at: day(n),
  ticket_id: `r${n}`,
  seq: n,
  conversation_id: `r${n}`,
  last_message_at: day(n),
  cursor: { key: n },
  display_name: `n${n}`,
  waiting_since: day(n),
  user_id: `r${n}`,
  number: n,
});
const search = { lat: 21, lng: 105, startsAt: day(5), endsAt: day(6) };

interface ListTest {
  list(journey: Journey, page?: PageOptions): List<object>;
  longest?: number;
  /** What is sent to go on after row 2. */
  sent?: unknown;
}
const created = { after: { created_at: day(2), id: 'r2' } };
const waiting = { after: { waiting_since: day(2), id: 'r2' } };
/** A table is asked in its address. */
const ofTable = { or: `(created_at.lt."${day(2)}",and(created_at.eq."${day(2)}",id.lt."r2"))` };

/** Every list of the package by its name. */
const lists: Record<string, ListTest> = {
  'bookings.list': { list: (j, page) => j.bookings.list({ role: 'renter', ...page }) },
  'bookings.history': { list: (j, page) => j.bookings.history(page) },
  'bookings.driving': { list: (j, page) => j.bookings.driving(page) },
  'complaints.list': { list: (j, page) => j.complaints.list(page) },
  'admin.operations.deadLetters': {
    list: (j, page) => j.admin.operations.deadLetters(page),
    sent: { after: { id: 'r2' } },
  },
  'admin.reversals.list': { list: (j, page) => j.admin.reversals.list(page) },
  'admin.charges.list': { list: (j, page) => j.admin.charges.list(page) },
  'reports.mine': { list: (j, page) => j.reports.mine(page) },
  'reports.actionsAgainstMe': { list: (j, page) => j.reports.actionsAgainstMe(page) },
  'admin.moderation.list': { list: (j, page) => j.admin.moderation.list(page), sent: waiting },
  'admin.moderation.log': { list: (j, page) => j.admin.moderation.log(page), sent: { after: { number: 2 } } },
  'admin.complaints.list': { list: (j, page) => j.admin.complaints.list(page) },
  'trust.history': { list: (j, page) => j.trust.history(page), sent: { after: { id: 'r2' } } },
  'admin.roles.list': {
    list: (j, page) => j.admin.roles.list(page),
    sent: { or: '(user_id.gt.r2,and(user_id.eq.r2,role.gt.admin))' },
  },
  'vehicles.search': {
    list: (j, page) => j.vehicles.search({ ...search, ...page }),
    longest: 50,
    sent: { after: { key: 2 } },
  },
  'vehicles.favourites': { list: (j, page) => j.vehicles.favourites(page) },
  'savedSearches.list': { list: (j, page) => j.savedSearches.list(page) },
  'savedSearches.run': {
    list: (j, page) => j.savedSearches.run({ criteria: {}, ...page }),
    longest: 50,
    sent: { after: { key: 2 } },
  },
  'events.search': {
    list: (j, page) => j.events.search(page),
    sent: { after: { starts_at: day(2), id: 'r2' } },
  },
  'events.trending': {
    list: (j, page) => j.events.trending(page),
    sent: { after: { trend_at: day(2), id: 'r2' } },
  },
  'events.favourites': { list: (j, page) => j.events.favourites(page) },
  'organizers.earnings': {
    list: (j, page) => j.organizers.earnings({ organizerId: 'o1', ...page }),
    sent: { after: { ends_at: day(2), id: 'r2' } },
  },
  'events.list': { list: (j, page) => j.events.list({ organizerId: 'o1', ...page }) },
  'orders.list': { list: (j, page) => j.orders.list(page) },
  'orders.ofEvent': { list: (j, page) => j.orders.ofEvent({ eventId: 'e1', ...page }) },
  'admin.events.toReview': { list: (j, page) => j.admin.events.toReview(page) },
  'vehicles.mine': { list: (j, page) => j.vehicles.mine(page) },
  'webhooks.deliveries': { list: (j, page) => j.webhooks.deliveries({ endpointId: 'e1', ...page }) },
  'apiKeys.list': { list: (j, page) => j.apiKeys.list(page), sent: ofTable },
  'licences.list': { list: (j, page) => j.licences.list(page), sent: ofTable },
  'blocks.list': { list: (j, page) => j.blocks.list(page) },
  'chat.list': {
    list: (j, page) => j.chat.list(page),
    sent: { after: { last_message_at: day(2), id: 'r2' } },
  },
  'chat.messages': {
    list: (j, page) => j.chat.messages({ conversationId: 'c1', ...page }),
    sent: { before_seq: 2 },
  },
  'chat.search': {
    list: (j, page) => j.chat.search({ query: 'ha noi', ...page }),
    sent: { after: { created_at: day(2), conversation_id: 'r2', seq: 2 } },
  },
  'admin.chat.supportQueue': { list: (j, page) => j.admin.chat.supportQueue(page), sent: waiting },
  'notifications.list': { list: (j, page) => j.notifications.list(page), sent: { before_seq: 2 } },
  'admin.notifications.deliveries': { list: (j, page) => j.admin.notifications.deliveries(page) },
  'discounts.available': { list: (j, page) => j.discounts.available(page) },
  'admin.discounts.list': { list: (j, page) => j.admin.discounts.list(page) },
  'organizers.discounts': { list: (j, page) => j.organizers.discounts({ organizerId: 'o1', ...page }) },
  'reviews.list': {
    list: (j, page) => j.reviews.list({ ofVehicleId: 'v1', ...page }),
    sent: { after: { released_at: day(2), id: 'r2' } },
  },
  'reviews.mine': { list: (j, page) => j.reviews.mine(page) },
  'tickets.list': {
    list: (j, page) => j.tickets.list(page),
    sent: { after: { starts_at: day(2), id: 'r2' } },
  },
  'checkIn.conflicts': {
    list: (j, page) => j.checkIn.conflicts({ eventId: 'e1', ...page }),
    sent: { after: { received_at: day(2), id: 'r2' } },
  },
  'checkIn.attendees': {
    list: (j, page) => j.checkIn.attendees({ eventId: 'e1', ...page }),
    sent: { after: 'r2' },
  },
  'payments.list': { list: (j, page) => j.payments.list(page), sent: ofTable },
  'refunds.list': { list: (j, page) => j.refunds.list(page) },
  'payouts.list': { list: (j, page) => j.payouts.list(page) },
  'receipts.list': {
    list: (j, page) => j.receipts.list(page),
    sent: { after: { issued_at: day(2), id: 'r2' } },
  },
  'profiles.search': {
    list: (j, page) => j.profiles.search({ query: 'nguyen', ...page }),
    sent: { after: { display_name: 'n2', user_id: 'r2' } },
  },
  'admin.unmatched.list': { list: (j, page) => j.admin.unmatched.list(page) },
  'admin.refunds.list': { list: (j, page) => j.admin.refunds.list(page) },
  'admin.bookings.onSuspendedVehicles': {
    list: (j, page) => j.admin.bookings.onSuspendedVehicles(page),
    sent: { after: { starts_at: day(2), id: 'r2' } },
  },
  'admin.payments.attemptsNeedingReview': {
    list: (j, page) => j.admin.payments.attemptsNeedingReview(page),
  },
  'admin.payments.eventsNeedingReview': {
    list: (j, page) => j.admin.payments.eventsNeedingReview(page),
    sent: { after_id: 'r2' },
  },
  'admin.payouts.batches': { list: (j, page) => j.admin.payouts.batches(page) },
  'admin.broadcasts.list': { list: (j, page) => j.admin.broadcasts.list(page) },
  'admin.mail.suppressions': {
    list: (j, page) => j.admin.mail.suppressions(page),
    sent: { after: { suppressed_at: day(2), id: 'r2' } },
  },
  'admin.payouts.list': { list: (j, page) => j.admin.payouts.list(page) },
  'admin.licencesToReview': { list: (j, page) => j.admin.licencesToReview(page), sent: waiting },
  'admin.vehiclesToReview': { list: (j, page) => j.admin.vehiclesToReview(page), sent: waiting },
  'admin.vehicleDocumentsToReview': {
    list: (j, page) => j.admin.vehicleDocumentsToReview(page),
    sent: waiting,
  },
};

/** What answers several rows and is no list, because it cannot grow: why. */
const bounded: Record<string, string> = {
  'account.sessions': 'the sessions of one person',
  'organizers.mine': 'the organizers of one person',
  'events.seatMap': 'the rows of one hall or section, at most 500',
  'organizers.team': 'the members of one organizer',
  'organizers.invitations': 'the open invitations of one person',
  'profiles.getMany': 'one for each id that was given',
  'chat.members': 'the people of one group, at most 1,000',
  'chat.changesSince': 'at most 100, and asked for again by the number of the last',
  'chat.lastSeen': 'one for each id that was given, at most 100',
  'admin.chat.edits': 'the earlier texts of one message, which its sender wrote within some minutes',
  'payments.methods': 'the rails that are switched on',
  'reviews.toWrite': 'at most 100, and each is over after some days',
  'tickets.keys': 'the keys that are in use',
  'waitingLists.mine': 'at most 100 of one person, those that are over for some days included',
  'waitingLists.ofEvent': 'the kinds of tickets of one event, at most 50',
  'tickets.offers': 'at most 100, and each is over after some days',
  'checkIn.lists': 'at most 100 of one event',
  'checkIn.sync': 'one for each scan that was given',
  'payouts.balance': 'a row per currency',
  'devices.list': 'at most 20 of one person (setting max_devices)',
  'addresses.list': 'at most 20 of one person (setting max_addresses)',
  'payouts.banks': 'the banks of the country',
  'media.signedUrls': 'one for each file that was given',
  'chat.fileUrls': 'one for each file that was given',
  'licences.classes': 'the classes that the law knows',
  'vehicles.requiredLicences': 'the classes that the law knows',
  'vehicles.calendar': 'the period that was asked for, at most 400 days',
  'vehicles.prices': 'the period that was asked for, at most 400 days',
  'charges.list': 'the charges of one trip, of which few can be open',
  'complaints.categories': 'what there is to choose from',
  'reports.categories': 'what there is to choose from',
  'complaints.addEvidence': 'one for each file that was given',
  'vehicles.facets': 'the values of the filters',
  'vehicles.explainUnavailable': 'what is in the way in one period',
  'vehicles.features': 'what there is to choose from',
  'vehicles.documents': 'the papers of one vehicle',
  'vehicles.externalCalendars': 'at most as many as a vehicle may have (setting)',
  'vehicles.eligibility': 'the reasons of one refusal',
  'admin.bookings.evidence': 'the photos of one trip, an angle once for each inspection',
  'vehicles.entries': 'the period that was asked for, at most 400 days',
  'apiKeys.scopes': 'what there is to choose from',
  'admin.checkInvariants': 'a report, empty when healthy',
  'admin.operations.jobs': 'the jobs that there are',
  'webhooks.eventTypes': 'the types that there are',
  'webhooks.list': 'at most 50 of one owner',
  'admin.analytics.metrics': 'what is counted',
  'admin.analytics.days': 'the period that was asked for, at most 367 days',
  'admin.ledger.reconcile': 'a report, empty when proven',
  'admin.payouts.propose': 'what one command made',
};

describe.each(Object.entries(lists))('%s', (_, { list, longest = 100, sent = created }) => {
  let api: FakeApi;
  beforeEach(async () => {
    api = await startFakeApi({ retries: 0 });
    api.route(({ path }) =>
      path.startsWith('/auth/')
        ? { status: 200, body: session }
        : { status: 200, body: [row(3), row(2), row(1)].slice(0, askedSize()) },
    );
    await api.journey.auth.signIn({ email: 'a@example.com', password: 'a long password' });
    api.seen.length = 0;
  });
  afterEach(() => api.close());

  /** What the last request asked for: of a function in its body, of a table in its address. */
  const asked = (): Record<string, unknown> => {
    const { path = '', body } = api.seen.at(-1) ?? {};
    return { ...Object.fromEntries(new URLSearchParams(path.split('?')[1])), ...body };
  };
  const askedSize = (): number => Number(asked().limit ?? asked().page_size);

  it('refuses a size of page that the backend would, and sends nothing', async () => {
    for (const pageSize of [0, -1, 1.5, Number.NaN, longest + 1]) {
      const { error } = await list(api.journey, { pageSize });
      expect(error).toMatchObject({
        code: 'invalid_input',
        status: 400,
        details: { field: 'pageSize', problem: `must be 1 to ${longest}` },
        outcome: 'not_applied',
        tries: 0,
      });
    }
    expect(api.seen).toEqual([]);
  });

  it('refuses a place that is of no page of it, and sends nothing', async () => {
    for (const after of ['', 'x', '1', 'null', '{}', '{"key":1}', '{"id":"r2","created_at":"2026-11-02"}']) {
      const { error } = await list(api.journey, { after });
      expect(error).toMatchObject({ code: 'invalid_input', details: { field: 'after' }, tries: 0 });
    }
    expect(api.seen).toEqual([]);
  });

  it('takes 20 by default, and the largest size that the backend allows', async () => {
    for (const [pageSize, size] of [
      [undefined, 20],
      [longest, longest],
    ] as const) {
      expect((await list(api.journey, { pageSize })).error).toBeNull();
      expect(askedSize()).toBe(size);
    }
  });

  it('goes on after the last row of a full page, and ends with a short one', async () => {
    const first = await list(api.journey, { pageSize: 2, after: null });
    expect(first.data?.rows).toMatchObject([{ id: 'r3' }, { id: 'r2' }]);
    const second = await list(api.journey, { pageSize: 5, after: first.data?.next });
    expect(asked()).toMatchObject(sent as object);
    expect(second.data?.next).toBeNull();
  });

  it('gives every row when it is walked, and the error that ends the walk', async () => {
    let pages = 0;
    api.route(() => {
      pages += 1;
      if (pages === 3) return { status: 400, body: { code: 'PT400', details: '{"code":"invalid_input"}' } };
      return { status: 200, body: pages === 1 ? [row(5), row(4)] : [row(3), row(2)] };
    });
    const seen: unknown[] = [];
    for await (const { data, error } of list(api.journey, { pageSize: 2 }))
      seen.push(error?.code ?? (data as { id: string }).id);
    expect(seen).toEqual(['r5', 'r4', 'r3', 'r2', 'invalid_input']);
    expect(asked()).toMatchObject(sent as object);
  });
});

describe('the methods of the package', () => {
  it('answer rows as lists of one shape, or as few rows that cannot become many', () => {
    const methods = readMethods();
    expect(methods.size).toBeGreaterThan(60);
    const named = (wanted: (method: Method) => boolean) =>
      [...methods].filter(([, method]) => wanted(method)).map(([name]) => name);
    expect(named(({ isList }) => isList).sort()).toEqual(Object.keys(lists).sort());
    expect(named(({ takesPage }) => takesPage).sort()).toEqual(Object.keys(lists).sort());
    expect(named(({ isList, answersRows }) => answersRows && !isList).sort()).toEqual(
      Object.keys(bounded).sort(),
    );
  });
});
