import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Journey, JourneyError } from '../../sdk/src/index.ts';
import { type FakeApi, startFakeApi } from './fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi({ retries: 0 });
  api.route(({ path }) =>
    path.startsWith('/auth/')
      ? { status: 200, body: session }
      : { status: 200, body: [row(3), row(2), row(1)].slice(0, asked(path)) },
  );
});
afterEach(() => api.close());

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
  created_at: day(n),
  issued_at: day(n),
  seq: n,
  cursor: { key: n },
});
/** The size asked for: of a function in its body, of a table in its address. */
const asked = (path: string): number =>
  Number(new URLSearchParams(path.split('?')[1]).get('limit') ?? api.seen.at(-1)?.body.page_size);

interface Answer {
  data: { rows: object[]; next: unknown } | null;
  error: JourneyError | null;
}
type List = (journey: Journey, pageSize?: number) => Promise<Answer>;
const search = { lat: 21, lng: 105, startsAt: day(5), endsAt: day(6) };
const created = { created_at: day(2), id: 'r2' };

/** Every list of the package: how it is asked, its longest page, and where it goes on after row 2. */
const lists: [string, List, number, unknown][] = [
  ['bookings.list', (j, pageSize) => j.bookings.list({ role: 'renter', pageSize }), 100, created],
  ['vehicles.search', (j, pageSize) => j.vehicles.search({ ...search, pageSize }), 50, { key: 2 }],
  ['notifications.page', (j, pageSize) => j.notifications.page({ pageSize }), 100, 2],
  ['payments.list', (j, pageSize) => j.payments.list({ pageSize }), 100, created],
  ['refunds.list', (j, pageSize) => j.refunds.list({ pageSize }), 100, created],
  ['payouts.list', (j, pageSize) => j.payouts.list({ pageSize }), 100, created],
  ['receipts.list', (j, pageSize) => j.receipts.list({ pageSize }), 100, { issued_at: day(2), id: 'r2' }],
  ['admin.unmatched.list', (j, pageSize) => j.admin.unmatched.list({ pageSize }), 100, created],
  ['admin.refunds.list', (j, pageSize) => j.admin.refunds.list({ pageSize }), 100, created],
  [
    'admin.payments.attemptsNeedingReview',
    (j, pageSize) => j.admin.payments.attemptsNeedingReview({ pageSize }),
    100,
    created,
  ],
  ['admin.payouts.batches', (j, pageSize) => j.admin.payouts.batches({ pageSize }), 100, created],
  ['admin.payouts.list', (j, pageSize) => j.admin.payouts.list({ pageSize }), 100, created],
];

describe.each(lists)('%s', (_, list, longest, cursor) => {
  beforeEach(async () => {
    await api.journey.auth.signIn({ email: 'a@example.com', password: 'a long password' });
    api.seen.length = 0;
  });

  it('refuses a size of page that the backend would, and sends nothing', async () => {
    for (const pageSize of [0, -1, 1.5, Number.NaN, longest + 1]) {
      const { error } = await list(api.journey, pageSize);
      expect(error).toMatchObject({
        code: 'invalid_input',
        status: 400,
        details: { field: 'page_size', problem: `must be 1 to ${longest}` },
        outcome: 'not_applied',
        tries: 0,
      });
    }
    expect(api.seen).toEqual([]);
  });

  it('takes 20 by default, and the largest size that the backend allows', async () => {
    for (const [said, sent] of [
      [undefined, 20],
      [longest, longest],
    ] as const) {
      expect((await list(api.journey, said)).error).toBeNull();
      expect(asked(api.seen.at(-1)?.path ?? '')).toBe(sent);
    }
  });

  it('goes on after the last row of a full page, and ends with a short one', async () => {
    expect((await list(api.journey, 2)).data).toMatchObject({
      rows: [{ id: 'r3' }, { id: 'r2' }],
      next: cursor,
    });
    expect((await list(api.journey, 5)).data?.next).toBeNull();
  });
});
