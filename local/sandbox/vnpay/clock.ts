const offset = 7 * 3_600_000;

/** `yyyyMMddHHmmss` in GMT+7. */
export function stamp(instant: number = Date.now()): string {
  const local = new Date(instant + offset);
  const two = (value: number): string => String(value).padStart(2, '0');
  return [
    local.getUTCFullYear(),
    ...[local.getUTCMonth() + 1, local.getUTCDate(), local.getUTCHours()].map(two),
    ...[local.getUTCMinutes(), local.getUTCSeconds()].map(two),
  ].join('');
}

/** The instant of a time stamp, or NaN. */
export function instantOf(text: string): number {
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(text)?.slice(1).map(Number);
  if (!parts) return Number.NaN;
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - offset;
}
