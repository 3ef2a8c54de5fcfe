/**
 * The caller's address as the gateway saw it. Providers require an address even when there is none.
 *
 * Cloudflare, in front of the platform, overwrites `cf-connecting-ip`. The first entry of `x-forwarded-for` is what the
 * caller sent, so it is used only without the other.
 */
export function clientIp(headers: Headers): string {
  const first = (headers.get('x-forwarded-for') ?? '').split(',')[0]?.trim() ?? '';
  const seen = headers.get('cf-connecting-ip')?.trim() ?? first;
  return /^[0-9a-fA-F.:]{7,45}$/.test(seen) ? seen : '127.0.0.1';
}
