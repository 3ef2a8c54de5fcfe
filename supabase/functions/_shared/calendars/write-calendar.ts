import ICAL from 'ical.js';
import type { CalendarFeed } from '../contracts/calendars.ts';

/** When a vehicle is taken, as a calendar file (RFC 5545). It says neither who nor why. */
export function busyCalendar({ periods }: CalendarFeed): string {
  const calendar = new ICAL.Component('vcalendar');
  calendar.updatePropertyWithValue('version', '2.0');
  calendar.updatePropertyWithValue('prodid', '-//Journey//Vehicles//EN');
  calendar.updatePropertyWithValue('method', 'PUBLISH');
  for (const period of periods) {
    const event = new ICAL.Component('vevent');
    event.updatePropertyWithValue('uid', `${period.id}@journey`);
    event.updatePropertyWithValue('dtstamp', utc(period.created_at));
    event.updatePropertyWithValue('dtstart', utc(period.starts_at));
    event.updatePropertyWithValue('dtend', utc(period.ends_at));
    event.updatePropertyWithValue('summary', 'Busy');
    event.updatePropertyWithValue('transp', 'OPAQUE');
    calendar.addSubcomponent(event);
  }
  return `${calendar.toString()}\r\n`;
}

function utc(instant: string): ICAL.Time {
  return ICAL.Time.fromJSDate(new Date(instant), true);
}
