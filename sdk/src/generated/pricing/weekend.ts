// Generated: a copy of supabase/functions/_shared/pricing/weekend.ts. Do not edit.
import { PricingError } from './types.ts';

const hourMs = 3_600_000;
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

function isWeekend(instant: number, offset: number): boolean {
  const weekday = new Date(instant + offset).getUTCDay();
  return weekday === 0 || weekday === 6;
}

/**
 * For each of `hours` hours from `start`: whether it begins on a Saturday or Sunday of the zone. Hours are
 * elapsed time, so a night in which clocks change is neither free nor paid twice.
 */
export function weekendHours(start: number, hours: number, timeZone: string): boolean[] {
  const flags: boolean[] = [];
  for (let first = 0; first < hours; first += 24) {
    const from = start + first * hourMs;
    const offset = zoneOffset(from, timeZone);
    // no zone changes its clock twice within a day, so equal ends mean one offset for all of it
    const steady = offset === zoneOffset(from + 24 * hourMs, timeZone);
    for (let hour = first; hour < Math.min(first + 24, hours); hour += 1) {
      const instant = start + hour * hourMs;
      flags.push(isWeekend(instant, steady ? offset : zoneOffset(instant, timeZone)));
    }
  }
  return flags;
}
