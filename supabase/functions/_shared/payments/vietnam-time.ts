const sevenHours = 7 * 3_600_000;

/** `yyyyMMddHHmmss`, local time of GMT+7, in whatever zone this runs. */
export function vietnamTime(instant: number): string {
  return new Date(instant + sevenHours).toISOString().replace(/\D/g, '').slice(0, 14);
}
