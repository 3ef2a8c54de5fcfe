import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import type { FetchedCalendar } from '../_shared/calendars/fetch-calendar.ts';
import { traceFor } from '../_shared/trace.ts';
import { importCalendar } from './import-calendar.ts';

const calendar_id = '6f1c2d3e-0000-4000-8000-000000000001';
const place = {
  url: 'https://calendars.example/feed.ics',
  etag: '"v1"',
  last_modified: null,
  time_zone: 'Asia/Ho_Chi_Minh',
  from: '2027-01-01T00:00:00+00:00',
  to: '2028-01-01T00:00:00+00:00',
};
const day = [
  'BEGIN:VCALENDAR',
  'BEGIN:VEVENT',
  'UID:a',
  'DTSTART;VALUE=DATE:20270310',
  'END:VEVENT',
  'END:VCALENDAR',
].join('\r\n');

async function perform(fetched: FetchedCalendar, answer: typeof place | null = place) {
  const asked: unknown[] = [];
  const { deps, calls } = fakeOutside(
    { calendar_to_read: () => answer, store_calendar: () => null },
    {
      calendars: async (one) => {
        asked.push(one);
        return fetched;
      },
    },
  );
  const item = {
    id: 1,
    topic: 'calendar_import',
    payload: { calendar_id },
    attempts: 1,
    lease_token: calendar_id,
    dedupe_key: 'x',
    correlation_id: null,
  };
  const tools = {
    ...deps,
    service: deps.db.service(traceFor(null)),
    platform: deps.db,
    query: async <T>(call: () => Promise<T>) => call(),
  };
  const result = await importCalendar.perform(item as never, tools as never);
  return { result, asked, stored: calls.find(({ name }) => name === 'store_calendar')?.args };
}

describe('importing a calendar', () => {
  it('stores when it takes time, with what tells whether it has changed', async () => {
    const { result, asked, stored } = await perform({
      kind: 'file',
      text: day,
      etag: '"v2"',
      lastModified: null,
    });
    expect(asked).toEqual([{ url: place.url, etag: '"v1"', lastModified: null }]);
    expect(stored).toEqual({
      calendar_id,
      outcome: {
        kind: 'busy',
        periods: [{ starts_at: '2027-03-09T17:00:00.000Z', ends_at: '2027-03-10T17:00:00.000Z' }],
        etag: '"v2"',
        last_modified: null,
      },
    });
    expect(result.kind).toBe('done');
  });

  it('says what was wrong, and does not fail itself', async () => {
    for (const fetched of [
      { kind: 'failed', problem: 'its server answered 500' },
      { kind: 'file', text: '<html>', etag: null, lastModified: null },
    ] as const) {
      const { result, stored } = await perform(fetched);
      expect(stored).toMatchObject({ outcome: { kind: 'failed' } });
      expect(result.kind).toBe('done');
    }
  });

  it('reads nothing for a calendar that was removed', async () => {
    const { asked, stored } = await perform({ kind: 'unchanged' }, null);
    expect([asked, stored]).toEqual([[], undefined]);
  });
});
