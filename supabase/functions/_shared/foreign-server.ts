import { isPublicAddress } from './public-address.ts';

export interface Network {
  fetch: typeof fetch;
  /** All addresses of a name. Throws or answers none for a name that does not exist. */
  resolve(name: string): Promise<string[]>;
  /** Whether servers on this machine may be asked over http, as those who build with the local stack need it. */
  allowsLocal?: boolean;
}

const localNames = ['localhost', '127.0.0.1'];

/**
 * What is wrong with an address that a person gave, or that a server redirects to; null when it may be asked. It is for
 * that person, and names no address of ours.
 *
 * A name is looked up here, and again by the request itself: a server that changes its address between the two is not kept
 * out. So nothing of an answer may be shown to anybody but what the protocol at hand needs.
 */
export async function problemOf(url: URL, { resolve, allowsLocal = false }: Network): Promise<string | null> {
  if (allowsLocal && url.protocol === 'http:' && localNames.includes(url.hostname)) return null;
  if (url.protocol !== 'https:') return 'its address does not begin with https';
  if (url.username !== '' || url.password !== '' || url.port !== '')
    return 'its address has a user or a port';
  const name = url.hostname;
  // also 0x7f.1 and 2130706433, which a URL parser turns into an address
  if (name.startsWith('[') || /^[\d.]+$/.test(name)) return 'its address has a number in place of a name';
  const addresses = await resolve(name).catch(() => []);
  if (addresses.length === 0) return 'there is no server of that name';
  return addresses.every(isPublicAddress) ? null : 'its server is not on the public internet';
}
