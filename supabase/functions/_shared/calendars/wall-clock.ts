import { zoneOffset } from '../pricing/calendar.ts';

/**
 * The instant at which clocks of a zone show a time, both in milliseconds. A time that clocks skip is as long after the
 * change as it says; of a time that they show twice, the first is meant (RFC 5545, 3.3.5).
 */
export function wallClockToInstant(wallClock: number, timeZone: string): number {
  const before = zoneOffset(wallClock - 86_400_000, timeZone);
  const after = zoneOffset(wallClock + 86_400_000, timeZone);
  for (const offset of [before, after]) {
    if (zoneOffset(wallClock - offset, timeZone) === offset) return wallClock - offset;
  }
  return wallClock - before;
}
