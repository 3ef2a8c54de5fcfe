/** The payer's address as the gateway saw it. Providers require an address even when there is none. */
export function clientIp(headers: Headers): string {
  const first = (headers.get('x-forwarded-for') ?? '').split(',')[0]?.trim() ?? '';
  return /^[0-9a-fA-F.:]{7,45}$/.test(first) ? first : '127.0.0.1';
}
