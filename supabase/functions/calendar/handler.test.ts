import { describe, expect, it } from 'vitest';
import { fakeOutside } from '../../../tests/support/fakes.ts';
import { handle } from './handler.ts';

const period = {
  id: '6f1c2d3e-0000-4000-8000-000000000001',
  starts_at: '2027-03-10T01:00:00Z',
  ends_at: '2027-03-10T03:00:00Z',
  created_at: '2026-11-20T05:00:00Z',
};
const database = {
  calendar_feed: ({ token }: Record<string, unknown>) =>
    token === 'right' ? { vehicle_id: period.id, periods: [period] } : null,
};
const ask = (file: string, headers: Record<string, string> = {}, method = 'GET') =>
  handle(fakeOutside(database).deps)(
    new Request(`http://functions.local/calendar/${file}`, { method, headers }),
  );

describe('the calendar of a vehicle', () => {
  it('says when it is taken, and neither by whom nor why', async () => {
    const answer = await ask('right.ics');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/calendar; charset=utf-8');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
    const lines = (await answer.text()).trim().split('\r\n');
    expect(lines.filter((line) => /^(DTSTART|DTEND|SUMMARY)/.test(line))).toEqual([
      'DTSTART:20270310T010000Z',
      'DTEND:20270310T030000Z',
      'SUMMARY:Busy',
    ]);
    expect(lines.some((line) => /^(ATTENDEE|ORGANIZER|DESCRIPTION|LOCATION)/.test(line))).toBe(false);
  });

  it('is not sent again while it has not changed', async () => {
    const etag = (await ask('right.ics')).headers.get('etag') ?? '';
    const answer = await ask('right.ics', { 'if-none-match': etag });
    expect(answer.status).toBe(304);
    expect(await answer.text()).toBe('');
    expect(await (await ask('right.ics', {}, 'HEAD')).text()).toBe('');
  });

  it('is at no other address', async () => {
    expect((await ask('wrong.ics')).status).toBe(404);
  });
});
