/** Addresses inside a network: of proxies of our own, never of a caller from outside. */
const inside =
  /^(10\.|127\.|192\.168\.|169\.254\.|172\.(1[6-9]|2\d|3[01])\.|100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|::1$|f[cd]|fe80:)/i;

/**
 * The caller's address as the gateway saw it. Providers require an address even when there is none.
 *
 * Cloudflare, in front of the platform, overwrites `cf-connecting-ip`. Without it, each proxy has added to
 * `x-forwarded-for` whom it saw, after whatever the caller wrote there. So the last entry that is no proxy of our own is the
 * caller. DO NOT take the first one, because a caller can write it. The database does the same (private.client_network).
 */
export function clientIp(headers: Headers): string {
  const hops = (headers.get('x-forwarded-for') ?? '').split(',').map((hop) => hop.trim());
  const seen =
    headers.get('cf-connecting-ip')?.trim() ?? hops.findLast((hop) => !inside.test(hop)) ?? hops.at(-1) ?? '';
  return /^[0-9a-fA-F.:]{2,45}$/.test(seen) ? seen : '127.0.0.1';
}

/** The caller's network. Addresses of one network count as one: a line with IPv6 has 2^64 of them. */
export function clientNetwork(headers: Headers): string {
  const ip = clientIp(headers);
  if (!ip.includes(':')) return ip;
  const [head = '', tail] = ip.split('::');
  const [left, right] = [head, tail ?? ''].map((part) => part.split(':').filter(Boolean)) as [
    string[],
    string[],
  ];
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right]
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':');
}
