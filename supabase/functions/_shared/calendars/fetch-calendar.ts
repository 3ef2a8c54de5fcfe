import { readBytes } from '../body.ts';
import { isPublicAddress } from './public-address.ts';

/** What a server answered. `problem` is for the host: it names no address of ours. */
export type FetchedCalendar =
  | { kind: 'file'; text: string; etag: string | null; lastModified: string | null }
  | { kind: 'unchanged' }
  | { kind: 'failed'; problem: string };

export interface CalendarPlace {
  url: string;
  /** Of the last answer, so that a server need not send again what has not changed. */
  etag: string | null;
  lastModified: string | null;
}

export type CalendarFetcher = (place: CalendarPlace) => Promise<FetchedCalendar>;

export interface Network {
  fetch: typeof fetch;
  /** All addresses of a name. Throws or answers none for a name that does not exist. */
  resolve(name: string): Promise<string[]>;
}

const maxBytes = 2 * 1024 * 1024;
const maxRedirects = 3;
const timeoutMs = 15_000;

function failed(problem: string): FetchedCalendar {
  return { kind: 'failed', problem };
}

/** What is wrong with an address that a person gave, or that a server redirects to; null when it may be asked. */
async function problemOf(url: URL, { resolve }: Network): Promise<string | null> {
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

/**
 * Reads a file from a server that a host named. The server is not trusted: no address but a public one, no other port, few
 * redirects, each looked at like the first address, a limit of 2 MB and of 15 seconds, and nothing of ours is sent.
 *
 * A name is looked up before it is asked, and again by the request itself: a server that changes its address between the
 * two is not kept out. What it could reach answers in no calendar format, and its answer is shown to nobody.
 */
export function calendarFetcher(network: Network): CalendarFetcher {
  return async ({ url, etag, lastModified }) => {
    const signal = AbortSignal.timeout(timeoutMs);
    const headers: Record<string, string> = {
      accept: 'text/calendar, text/plain;q=0.5',
      'user-agent': 'Journey-Calendar/1',
    };
    if (etag !== null) headers['if-none-match'] = etag;
    if (lastModified !== null) headers['if-modified-since'] = lastModified;
    let place = url;
    try {
      for (let redirects = 0; redirects <= maxRedirects; redirects += 1) {
        const target = URL.parse(place);
        if (target === null) return failed('its address cannot be read');
        const problem = await problemOf(target, network);
        if (problem !== null) return failed(problem);
        const answer = await network.fetch(target, { headers, redirect: 'manual', signal });
        if (answer.status === 304) {
          await answer.body?.cancel();
          return { kind: 'unchanged' };
        }
        const next = answer.headers.get('location');
        if (answer.status >= 300 && answer.status < 400 && next !== null) {
          await answer.body?.cancel();
          place = URL.parse(next, target)?.href ?? '';
          continue;
        }
        if (answer.status !== 200) {
          await answer.body?.cancel();
          return failed(`its server answered ${answer.status}`);
        }
        const { bytes, cut } = await readBytes(answer, maxBytes);
        if (cut) return failed('it has more than 2 MB');
        return {
          kind: 'file',
          text: new TextDecoder().decode(bytes),
          etag: answer.headers.get('etag'),
          lastModified: answer.headers.get('last-modified'),
        };
      }
      return failed('its server redirects too often');
    } catch {
      return failed(
        signal.aborted ? 'its server took more than 15 seconds' : 'its server could not be reached',
      );
    }
  };
}
