// Generated: a copy of supabase/functions/_shared/pricing/calendar.ts. Do not edit.
import { PricingError } from './types.ts';

const dayMs = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (!format) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone,
        calendar: 'gregory',
        numberingSystem: 'latn',
        hourCycle: 'h23',
        year: 'numeric',
        month: '2-digit',
        day: '2-digit',
        hour: '2-digit',
        minute: '2-digit',
        second: '2-digit',
      });
    } catch {
      throw new PricingError('time_zone', 'is not a known IANA time zone');
    }
    formats.set(timeZone, format);
  }
  return format;
}

/** How far local wall clocks are ahead of UTC at an instant, in milliseconds. */
export function zoneOffset(instant: number, timeZone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(timeZone).formatToParts(instant)) parts[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  const wallClock = Date.UTC(year, month - 1, day, hour, minute, second);
  return wallClock - Math.floor(instant / 1000) * 1000;
}

/** The first instant of the next calendar day of the zone. */
function nextMidnight(instant: number, timeZone: string): number {
  const offset = zoneOffset(instant, timeZone);
  const wallClock = (Math.floor((instant + offset) / dayMs) + 1) * dayMs;
  const midnight = wallClock - zoneOffset(wallClock - offset, timeZone);
  // a zone that skips a day would lead backwards
  return midnight > instant ? midnight : wallClock - offset;
}

/** A part of a stay that lies within one day of the calendar of the zone. */
export interface DayPart {
  /** `YYYY-MM-DD` */
  day: string;
  /** 1 for Monday to 7 for Sunday. */
  weekday: number;
  ms: number;
}

/**
 * A stay, cut at each midnight of the zone. Elapsed time counts, so a day in which clocks change is as long as it is.
 */
export function dayParts(start: number, end: number, timeZone: string): DayPart[] {
  const parts: DayPart[] = [];
  for (let from = start; from < end; ) {
    const to = Math.min(nextMidnight(from, timeZone), end);
    const local = new Date(from + zoneOffset(from, timeZone));
    parts.push({ day: local.toISOString().slice(0, 10), weekday: local.getUTCDay() || 7, ms: to - from });
    from = to;
  }
  return parts;
}
