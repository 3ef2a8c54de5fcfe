import readExif from 'exif-reader';
import type { Facts } from './order.ts';

type Tags = ReturnType<typeof readExif>;

/** A clock that was never set gives 1970, and a broken one anything. */
const isOfOurTime = (at: Date): boolean => at.getUTCFullYear() >= 1990 && at.getUTCFullYear() < 2100;
const isDate = (value: unknown): value is Date => value instanceof Date && !Number.isNaN(value.getTime());

/** The clock of the camera. The reader gives it as if it were UTC. */
function localTime({ Photo }: Tags): Date | null {
  const taken: unknown = Photo?.DateTimeOriginal;
  if (!isDate(taken)) return null;
  return isOfOurTime(taken) ? taken : null;
}

function offsetMinutes({ Photo }: Tags): number | null {
  const found = /^([+-])(\d\d):(\d\d)$/.exec(String(Photo?.OffsetTimeOriginal ?? '').trim());
  if (!found) return null;
  const minutes = Number(found[2]) * 60 + Number(found[3]);
  return minutes <= 14 * 60 ? (found[1] === '-' ? -minutes : minutes) : null;
}

/** The satellites' time, which is UTC. */
function satelliteTime({ GPSInfo }: Tags): Date | null {
  const day = /^(\d{4})[:-](\d\d)[:-](\d\d)$/.exec(String(GPSInfo?.GPSDateStamp ?? '').trim());
  const clock: unknown = GPSInfo?.GPSTimeStamp;
  if (!day || !Array.isArray(clock) || clock.length !== 3) return null;
  const [hours, minutes, seconds] = clock.map(Number) as [number, number, number];
  const at = new Date(
    Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]), hours, minutes, Math.floor(seconds)),
  );
  return isDate(at) && isOfOurTime(at) ? at : null;
}

/** Degrees, minutes and seconds as one number; null when they are none, or beyond `most`. */
function degrees(parts: unknown, reference: unknown, negative: string, most: number): number | null {
  if (!Array.isArray(parts) || parts.length !== 3) return null;
  const [whole, minutes, seconds] = parts.map(Number) as [number, number, number];
  const value = whole + minutes / 60 + seconds / 3600;
  if (!Number.isFinite(value) || value < 0 || value > most) return null;
  return String(reference).trim().toUpperCase() === negative ? -value : value;
}

/** Time and place of a shot; null when the camera wrote neither, or nothing that can be read. */
export function readFacts(exif: Buffer | undefined): Facts | null {
  if (!exif) return null;
  let tags: Tags;
  try {
    tags = readExif(exif);
  } catch {
    return null;
  }
  const facts: Facts = {};
  const local = localTime(tags);
  const offset = offsetMinutes(tags);
  const at = local && offset !== null ? new Date(local.getTime() - offset * 60_000) : satelliteTime(tags);
  if (at) facts.captured_at = at.toISOString();
  if (local) facts.captured_local = local.toISOString().slice(0, 19);
  const lat = degrees(tags.GPSInfo?.GPSLatitude, tags.GPSInfo?.GPSLatitudeRef, 'S', 90);
  const lng = degrees(tags.GPSInfo?.GPSLongitude, tags.GPSInfo?.GPSLongitudeRef, 'W', 180);
  // a receiver without a fix writes two zeros
  if (lat !== null && lng !== null && (lat !== 0 || lng !== 0)) Object.assign(facts, { lat, lng });
  return Object.keys(facts).length > 0 ? facts : null;
}
