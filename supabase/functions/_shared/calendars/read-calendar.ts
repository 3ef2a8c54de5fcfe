import ICAL from 'ical.js';
import { zoneOffset } from '../pricing/calendar.ts';
import { wallClockToInstant } from './wall-clock.ts';

/** A time that a calendar takes, in ISO 8601. */
export interface BusyTime {
  starts_at: string;
  ends_at: string;
}

/** Why a file is no calendar that can be read. For the host. */
export class CalendarProblem extends Error {}

export interface ReadOptions {
  /** IANA name: for whole days, and for times that name no zone. */
  timeZone: string;
  /** Only what lies between these is of interest; milliseconds since 1970. */
  from: number;
  to: number;
}

/** Steps of all recurrences of a file. A rule that repeats each second since 1970 must not occupy a worker. */
const maxSteps = 20_000;
const maxTimes = 2_000;
const longestDays = 800;

type Zones = ReadonlyMap<string, ICAL.Timezone>;

function knows(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}

/** The instant of a time, in milliseconds. `tzid` is what its property names. */
function instantOf(time: ICAL.Time, tzid: string | null, zones: Zones, own: string): number {
  const { year, month, day } = time;
  const { hour, minute, second } = time.isDate ? { hour: 0, minute: 0, second: 0 } : time;
  const wallClock = Date.UTC(year, month - 1, day, hour, minute, second);
  if (!time.isDate && time.zone === ICAL.Timezone.utcTimezone) return wallClock;
  if (time.isDate || tzid === null) return wallClockToInstant(wallClock, own);
  // /freeassociation.sourceforge.net/Europe/Berlin is a name with its origin before it
  const name = tzid.replace(/^\/[^/]+\//, '');
  if (knows(name)) return wallClockToInstant(wallClock, name);
  const zone = zones.get(tzid);
  if (!zone) return wallClockToInstant(wallClock, own);
  const there = ICAL.Time.fromData({ year, month, day, hour, minute, second, isDate: false }, zone);
  return wallClock - zone.utcOffset(there) * 1000;
}

/** What clocks of a zone show at an instant. */
function wallClockOf(instant: number, tzid: string | null, zones: Zones, own: string): number {
  const name = tzid?.replace(/^\/[^/]+\//, '') ?? own;
  const zone = tzid === null || knows(name) ? undefined : zones.get(tzid);
  if (!zone) return instant + zoneOffset(instant, knows(name) ? name : own);
  const there = ICAL.Time.fromJSDate(new Date(instant), true).convertToZone(zone);
  return Date.UTC(there.year, there.month - 1, there.day, there.hour, there.minute, there.second);
}

// Recurrence counts on wall clocks. So the names of zones are put aside, and all times that are not UTC are wall clocks:
// the package would compare them by zones that it does not know.
const aside = 'x-tzid';
function putZonesAside(component: ICAL.Component): void {
  for (const property of component.getAllProperties()) {
    const tzid = property.getParameter('tzid');
    if (typeof tzid !== 'string') continue;
    property.setParameter(aside, tzid);
    property.removeParameter('tzid');
  }
}

function zoneOf(property: ICAL.Property | null): string | null {
  const tzid = property?.getParameter(aside);
  return typeof tzid === 'string' ? tzid : null;
}

function tzidOf(component: ICAL.Component, property: string): string | null {
  return zoneOf(component.getFirstProperty(property));
}

function text(component: ICAL.Component, property: string): string {
  return String(component.getFirstPropertyValue(property) ?? '').toUpperCase();
}

/** Whether an event takes time: it is not cancelled, and not marked as free. */
function takesTime(component: ICAL.Component): boolean {
  return text(component, 'status') !== 'CANCELLED' && text(component, 'transp') !== 'TRANSPARENT';
}

function startOf(component: ICAL.Component): ICAL.Time | null {
  const value = component.getFirstPropertyValue('dtstart');
  return value instanceof ICAL.Time ? value : null;
}

/** Wall-clock time between start and end of an event; its end for one that says none. */
function lengthOf(event: ICAL.Event, zones: Zones, own: string): number {
  const component = event.component;
  const startZone = tzidOf(component, 'dtstart');
  const endZone = component.hasProperty('dtend') ? tzidOf(component, 'dtend') : startZone;
  return instantOf(event.endDate, endZone, zones, own) - instantOf(event.startDate, startZone, zones, own);
}

/**
 * When a calendar file (RFC 5545) takes time: events with recurrence, exceptions and time zones, and whole days, which
 * are days of the listing. Cancelled events and events marked as free take none. What overlaps is one time.
 *
 * @throws CalendarProblem for a file that is no calendar, or that repeats too much.
 */
export function readCalendar(file: string, { timeZone, from, to }: ReadOptions): BusyTime[] {
  const root = parse(file);
  const zones: Zones = new Map(
    root.getAllSubcomponents('vtimezone').flatMap((component) => {
      const tzid = component.getFirstPropertyValue('tzid');
      return typeof tzid === 'string' ? [[tzid, new ICAL.Timezone(component)] as const] : [];
    }),
  );
  const times: [number, number][] = [];
  let steps = 0;
  const add = (start: number, end: number): void => {
    if (end <= from || start >= to || end <= start) return;
    if (times.length >= maxTimes) throw new CalendarProblem('it takes more than 2,000 times');
    times.push([start, Math.min(end, start + longestDays * 86_400_000)]);
  };

  for (const [main, changed] of byUid(root.getAllSubcomponents('vevent'))) {
    for (const component of changed) {
      if (!takesTime(component)) continue;
      const event = new ICAL.Event(component);
      const start = instantOf(event.startDate, tzidOf(component, 'dtstart'), zones, timeZone);
      add(start, start + lengthOf(event, zones, timeZone));
    }
    if (!main || !takesTime(main)) continue;
    const event = new ICAL.Event(main);
    const tzid = tzidOf(main, 'dtstart');
    const length = lengthOf(event, zones, timeZone);
    const start = instantOf(event.startDate, tzid, zones, timeZone);
    if (!event.isRecurring()) {
      add(start, start + length);
      continue;
    }
    // the times of occurrences that an own component replaces
    const replaced = new Set(
      changed.map((component) => {
        const id = component.getFirstPropertyValue('recurrence-id');
        return id instanceof ICAL.Time
          ? instantOf(id, tzidOf(component, 'recurrence-id') ?? tzid, zones, timeZone)
          : Number.NaN;
      }),
    );
    const wholeDay = event.startDate.isDate;
    const excluded = new Set<number | string>();
    for (const property of main.getAllProperties('exdate')) {
      for (const value of property.getValues()) {
        if (!(value instanceof ICAL.Time)) continue;
        // a day where a time belongs: some programs write it and mean the whole day
        excluded.add(
          value.isDate && !wholeDay
            ? dayOf(value)
            : instantOf(value, zoneOf(property) ?? tzid, zones, timeZone),
        );
      }
    }
    main.removeAllProperties('exdate');
    for (const property of main.getAllProperties('rrule'))
      endByWallClock(property, tzid, zones, timeZone, startsInUtc(main));
    const occurrences = event.iterator();
    for (let next = occurrences.next(); next; next = occurrences.next()) {
      steps += 1;
      if (steps > maxSteps) throw new CalendarProblem('it repeats too often');
      const at = instantOf(next, tzid, zones, timeZone);
      if (at >= to) break;
      if (replaced.has(at) || excluded.has(at) || excluded.has(dayOf(next))) continue;
      // a whole day is as long as that day is
      const end = wholeDay ? instantOf(endOfDays(next, length), null, zones, timeZone) : at + length;
      add(at, end);
    }
  }
  return merge(times);
}

function dayOf({ year, month, day }: ICAL.Time): string {
  return `${year}-${month}-${day}`;
}

function startsInUtc(component: ICAL.Component): boolean {
  return startOf(component)?.zone === ICAL.Timezone.utcTimezone;
}

/** A rule says in UTC until when it repeats; its occurrences are wall clocks. */
function endByWallClock(
  rule: ICAL.Property,
  tzid: string | null,
  zones: Zones,
  own: string,
  inUtc: boolean,
): void {
  const recur = rule.getFirstValue();
  if (inUtc || !(recur instanceof ICAL.Recur)) return;
  const until = recur.until;
  if (!until || until.isDate || until.zone !== ICAL.Timezone.utcTimezone) return;
  const last = new Date(wallClockOf(instantOf(until, null, zones, own), tzid, zones, own));
  recur.until = ICAL.Time.fromData({
    year: last.getUTCFullYear(),
    month: last.getUTCMonth() + 1,
    day: last.getUTCDate(),
    hour: last.getUTCHours(),
    minute: last.getUTCMinutes(),
    second: last.getUTCSeconds(),
    isDate: false,
  });
}

function parse(file: string): ICAL.Component {
  try {
    const parsed: unknown = ICAL.parse(file);
    // a file may hold several calendars
    const calendars = (Array.isArray(parsed) && Array.isArray(parsed[0]) ? parsed : [parsed]) as unknown[][];
    const root = new ICAL.Component([
      'vcalendar',
      [],
      calendars.flatMap((one) => (one[2] ?? []) as unknown[]),
    ]);
    if (calendars.some((one) => one[0] !== 'vcalendar')) throw new Error('no calendar');
    return root;
  } catch {
    throw new CalendarProblem('what its server sent is not a calendar');
  }
}

/** The events of a file by their UID: the one that repeats or stands alone, and those that change one occurrence of it. */
function byUid(events: ICAL.Component[]): [ICAL.Component | null, ICAL.Component[]][] {
  const groups = new Map<string, [ICAL.Component | null, ICAL.Component[]]>();
  events.forEach((component, i) => {
    putZonesAside(component);
    if (!startOf(component)) return;
    const uid = String(component.getFirstPropertyValue('uid') ?? `without-uid-${i}`);
    const group = groups.get(uid) ?? [null, []];
    if (component.hasProperty('recurrence-id')) group[1].push(component);
    // the same UID twice without RECURRENCE-ID is against the standard, and happens: both take time
    else if (group[0]) groups.set(`${uid}-${i}`, [component, []]);
    else group[0] = component;
    groups.set(uid, group);
  });
  return [...groups.values()];
}

function endOfDays(first: ICAL.Time, length: number): ICAL.Time {
  const end = first.clone();
  end.adjust(Math.max(1, Math.round(length / 86_400_000)), 0, 0, 0);
  return end;
}

function merge(times: [number, number][]): BusyTime[] {
  const merged: [number, number][] = [];
  for (const [start, end] of times.sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last && start <= last[1]) last[1] = Math.max(last[1], end);
    else merged.push([start, end]);
  }
  return merged.map(([start, end]) => ({
    starts_at: new Date(start).toISOString(),
    ends_at: new Date(end).toISOString(),
  }));
}
