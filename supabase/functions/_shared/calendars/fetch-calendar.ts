import { readBytes } from '../body.ts';
import { type Network, problemOf } from '../foreign-server.ts';

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

const maxBytes = 2 * 1024 * 1024;
const maxRedirects = 3;
const timeoutMs = 15_000;

function failed(problem: string): FetchedCalendar {
  return { kind: 'failed', problem };
}

/**
 * Reads a file from a server that a host named. The server is not trusted: no address but a public one, no other port, few
 * redirects, each looked at like the first address, a limit of 2 MB and of 15 seconds, and nothing of ours is sent.
 * What does not read as a calendar is shown to nobody.
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
