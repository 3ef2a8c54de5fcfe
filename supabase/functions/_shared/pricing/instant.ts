const form =
  /^(\d{4})-(\d{2})-(\d{2})[Tt ](\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(?:[Zz]|([+-])(\d{2})(?::?(\d{2}))?)$/;

/**
 * Reads an instant from ISO 8601 text with an offset, in any of the ways it is written: with or without seconds,
 * `T`, `t` or a blank between date and time, `Z`, `z`, `+07:00`, `+0700` or `+07`. Answers milliseconds since 1970,
 * or null for any other text, also for a date that no calendar has (30 February). Digits beyond the millisecond
 * are dropped.
 */
export function readInstant(text: string): number | null {
  const match = form.exec(text);
  if (!match) return null;
  const [, year, month, day, hour, minute, second = '0', fraction = '', sign, hours = '0', minutes = '0'] =
    match;
  const parts = [year, month, day, hour, minute, second].map(Number);
  const [y = 0, mo = 0, d = 0, h = 0, mi = 0, s = 0] = parts;
  const wallClock = Date.UTC(y, mo - 1, d, h, mi, s, Number(fraction.padEnd(3, '0').slice(0, 3)));
  const date = new Date(wallClock);
  const read = [
    date.getUTCFullYear(),
    date.getUTCMonth() + 1,
    date.getUTCDate(),
    date.getUTCHours(),
    date.getUTCMinutes(),
    date.getUTCSeconds(),
  ];
  // Date.UTC carries what is too large into the next unit, and reads the years 0 to 99 as 1900 to 1999
  if (read.some((value, i) => value !== parts[i])) return null;
  if (Number(hours) > 15 || Number(minutes) > 59) return null;
  const offset = (Number(hours) * 60 + Number(minutes)) * 60_000;
  return wallClock - (sign === '-' ? -offset : offset);
}
