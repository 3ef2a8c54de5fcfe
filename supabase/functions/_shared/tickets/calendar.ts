import ICAL from 'ical.js';
import type { TicketToPrint } from '../contracts/tickets.ts';

/** What a calendar shows of an event that does not simply take place. */
const statuses: Partial<Record<string, string>> = { cancelled: 'CANCELLED', postponed: 'TENTATIVE' };

/** A ticket as a calendar file (RFC 5545). A later download updates the entry, because its UID stays the same. */
export function ticketCalendar(ticket: TicketToPrint): string {
  const { event } = ticket;
  const calendar = new ICAL.Component('vcalendar');
  calendar.updatePropertyWithValue('version', '2.0');
  calendar.updatePropertyWithValue('prodid', '-//Journey//Tickets//EN');
  calendar.updatePropertyWithValue('method', 'PUBLISH');
  const entry = new ICAL.Component('vevent');
  entry.updatePropertyWithValue('uid', `ticket-${ticket.id}@journey`);
  entry.updatePropertyWithValue('dtstamp', utc(event.updated_at));
  entry.updatePropertyWithValue('sequence', Math.floor(Date.parse(event.updated_at) / 1000));
  entry.updatePropertyWithValue('dtstart', utc(event.starts_at));
  entry.updatePropertyWithValue('dtend', utc(event.ends_at));
  entry.updatePropertyWithValue('summary', event.title);
  entry.updatePropertyWithValue('location', [event.venue, event.address].filter(Boolean).join(', '));
  const seat = ticket.seat ? ` · ${ticket.seat.section} ${ticket.seat.row}${ticket.seat.number}` : '';
  entry.updatePropertyWithValue('description', `${ticket.class_name}${seat} · ${ticket.number}`);
  entry.updatePropertyWithValue('status', statuses[event.status] ?? 'CONFIRMED');
  calendar.addSubcomponent(entry);
  return `${calendar.toString()}\r\n`;
}

/** In UTC: every calendar knows it, and shows the reader's own time. */
function utc(instant: string): ICAL.Time {
  return ICAL.Time.fromJSDate(new Date(instant), true);
}
