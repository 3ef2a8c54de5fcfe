import { readInstant } from './generated/pricing/index.ts';
import type { TimestampRange } from './values.ts';

/**
 * An instant: a `Date`, or ISO 8601 text **with** an offset, with or without seconds (`2026-03-01T09:00+07:00`,
 * `2026-03-01T02:00:00Z`).
 */
export type Instant = Date | string;

/**
 * Turns an instant into the text the backend takes, in UTC. Throws TypeError for a text without an offset: whose
 * midnight it means can't be known.
 *
 * @example `toTimestamp('2026-03-01T09:00+07:00') // '2026-03-01T02:00:00.000Z'`
 */
export function toTimestamp(instant: Instant): string {
  const time = instant instanceof Date ? instant.getTime() : readInstant(instant);
  if (time !== null && !Number.isNaN(time)) return new Date(time).toISOString();
  throw new TypeError(
    instant instanceof Date
      ? 'An invalid Date is not an instant.'
      : `"${instant}" is not an instant: write date, time and offset, e.g. 2026-03-01T09:00:00+07:00.`,
  );
}

/**
 * The two ends of a range column (`period`, `blocked`); a missing end is null. The end itself is outside.
 *
 * @example `parsePeriod(entry.blocked).endsAt?.toLocaleString()`
 */
export function parsePeriod(range: TimestampRange): { startsAt: Date | null; endsAt: Date | null } {
  const match = /^[[(]"?([^",]*)"?,"?([^",]*)"?[\])]$/.exec(range);
  if (!match) throw new TypeError(`"${range}" is not a range of instants.`);
  const end = (text: string | undefined): Date | null => {
    if (!text || /infinity/.test(text)) return null;
    // PostgreSQL writes `2026-03-01 02:00:00+00`; not every engine parses that form.
    const date = new Date(text.replace(' ', 'T').replace(/([+-]\d{2})$/, '$1:00'));
    if (Number.isNaN(date.getTime())) throw new TypeError(`"${text}" is not an instant.`);
    return date;
  };
  return { startsAt: end(match[1]), endsAt: end(match[2]) };
}
