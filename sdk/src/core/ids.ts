const hex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

function randomBytes(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  const source = (globalThis as { crypto?: Crypto }).crypto;
  if (source?.getRandomValues) return source.getRandomValues(bytes);
  // React Native has no Web Crypto. Keys must be unique, not secret, so this is enough for them.
  for (let i = 0; i < length; i += 1) bytes[i] = Math.floor(Math.random() * 256);
  return bytes;
}

/** What a UUID looks like, of whatever version. */
export const uuidForm = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * A random UUID (version 4), also where `crypto.randomUUID` is missing (React Native, plain http pages).
 *
 * @example `const key = createIdempotencyKey(); await journey.bookings.create({ quoteId }, { idempotencyKey: key });`
 */
export function createIdempotencyKey(): string {
  const source = (globalThis as { crypto?: Crypto }).crypto;
  if (source?.randomUUID) return source.randomUUID();
  const bytes = randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const text = hex(bytes);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    '-',
  );
}

/** A new trace id: 32 hex digits, never all zero. It is the correlation id unless the caller gives one. */
export function createTraceId(): string {
  return createIdempotencyKey().replaceAll('-', '');
}

/** A W3C `traceparent` for one try of a call. */
export function traceparent(traceId: string): string {
  return `00-${traceId}-${createTraceId().slice(0, 16)}-01`;
}
