import { failures } from './errors.ts';

// ASCII only, as on the platform: `Xe máy.jpg` is refused there too.
const keyPattern = /^[A-Za-z0-9_/!.*'() &$=@;:+,?-]+$/;
const bucketPattern = /^[A-Za-z0-9_!.*'() &$=@;:+,?-]+$/;

/** Refuses what cannot be the name of an object, or is more than a name. */
export function checkKey(key: string): string {
  const segments = key.split('/');
  const tricky = segments.some((segment) => segment === '' || segment === '.' || segment === '..');
  if (tricky || key.length > 1024 || !keyPattern.test(key)) throw failures.invalidKey(key);
  return key;
}

export function checkBucketName(name: string): string {
  if (name.length > 100 || name.trim() !== name || !bucketPattern.test(name))
    throw failures.invalidBucketName();
  return name;
}

/** Decodes percent-encoding. An address that cannot be decoded names nothing. */
export function decode(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw failures.invalidKey(encoded);
  }
}

/**
 * Whether a bucket accepts files of this type. Its list may contain `type/*`; an empty or missing list accepts
 * all.
 */
export function acceptsMimeType(allowed: string[] | null, mimeType: string): boolean {
  if (!allowed || allowed.length === 0) return true;
  const essence = mimeType.split(';')[0]?.trim().toLowerCase() ?? '';
  const [type, subtype] = essence.split('/');
  if (!type || !subtype) return false;
  return allowed.some((entry) => {
    const wanted = entry.trim().toLowerCase();
    return wanted === '*/*' || wanted === essence || wanted === `${type}/*`;
  });
}

const units = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9 };

/** Reads `20MB` (decimal units, as on the platform) or a number of bytes. */
export function parseFileSize(value: string | number): number {
  if (typeof value === 'number' || /^\d+$/.test(value)) return Number(value);
  const found = /^(\d+(?:\.\d+)?)(b|kb|mb|gb)$/i.exec(value);
  if (!found?.[1] || !found[2]) {
    throw failures.invalidRequest('Invalid file size format, hint: use 20GB / 20MB / 30KB / 3B');
  }
  return Math.round(Number(found[1]) * units[found[2].toLowerCase() as keyof typeof units]);
}

/** Whether a stored value may be sent as a header. */
export function isHeaderValue(value: string): boolean {
  return /^[\x20-\x7e]*$/.test(value);
}
