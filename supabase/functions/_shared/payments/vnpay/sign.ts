/**
 * The text that VNPay signs in links, returns and notifications. It is the query itself: every `vnp_` parameter
 * with a value, except the hash, in byte order, form-encoded.
 */
export function canonicalQuery(params: Iterable<readonly [string, string]>): string {
  const signed = [...params].filter(
    ([key, value]) =>
      key.startsWith('vnp_') && key !== 'vnp_SecureHash' && key !== 'vnp_SecureHashType' && value !== '',
  );
  signed.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return new URLSearchParams(signed.map(([key, value]) => [key, value])).toString();
}

/** The text that VNPay signs in calls between servers: only the values, empty when absent, joined by `|`. */
export function pipeText(fields: readonly string[], message: Record<string, unknown>): string {
  return fields.map((field) => String(message[`vnp_${field}`] ?? '')).join('|');
}
