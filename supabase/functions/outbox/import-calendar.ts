import { z } from 'zod';
import { CalendarProblem, readCalendar } from '../_shared/calendars/read-calendar.ts';
import { calendarToRead } from '../_shared/contracts/calendars.ts';
import { done, effectOf } from './effect.ts';

const payload = z.object({ calendar_id: z.uuid() });

/**
 * Topic `calendar_import`: reads an external calendar of a vehicle. A server that fails is no failure of ours: the host is
 * shown what was wrong, and the calendar is read again when it is due.
 */
export const importCalendar = effectOf(
  'calendar_import',
  'nobody',
  payload,
  async ({ calendar_id }, _item, { service, calendars }) => {
    const place = await service.call('calendar_to_read', { calendar_id }, calendarToRead);
    if (place === null) return done(null, { kind: 'gone' });
    const store = (outcome: { kind: string } & Record<string, unknown>) =>
      service.call('store_calendar', { calendar_id, outcome }, z.unknown());
    const { url, etag, last_modified: lastModified } = place;
    const fetched = await calendars({ url, etag, lastModified });
    if (fetched.kind !== 'file') {
      await store({ ...fetched });
      return done(null, { kind: fetched.kind });
    }
    try {
      const window = { from: Date.parse(place.from), to: Date.parse(place.to) };
      const periods = readCalendar(fetched.text, { timeZone: place.time_zone, ...window });
      await store({ kind: 'busy', periods, etag: fetched.etag, last_modified: fetched.lastModified });
      return done(null, { kind: 'busy', periods: periods.length });
    } catch (error) {
      if (!(error instanceof CalendarProblem)) throw error;
      await store({ kind: 'failed', problem: error.message });
      return done(null, { kind: 'failed' });
    }
  },
);
