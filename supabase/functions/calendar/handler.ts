import { busyCalendar } from '../_shared/calendars/write-calendar.ts';
import { calendarFeed } from '../_shared/contracts/calendars.ts';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';

async function etagOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return `"${[...new Uint8Array(hash).slice(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}"`;
}

/**
 * GET /calendar/<token>.ics: when a vehicle is taken, for calendars elsewhere. The address is the secret: nobody signs in,
 * and who has it sees times only. A reader that has the file already gets 304.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const read = endpoint({
    methods: ['GET', 'HEAD'],
    path: '/:file',
    auth: 'none',
    async run({ request, params, trace }) {
      const token = (params.file ?? '').replace(/\.ics$/, '');
      const feed = await db.service(trace).call('calendar_feed', { token }, calendarFeed);
      if (feed === null) {
        return new Response('There is no calendar at this address.\n', { status: 404 });
      }
      const text = busyCalendar(feed);
      const etag = await etagOf(text);
      if (request.headers.get('if-none-match') === etag) {
        return new Response(null, { status: 304, headers: { etag } });
      }
      return new Response(request.method === 'HEAD' ? null : text, {
        headers: { etag, 'content-type': 'text/calendar; charset=utf-8' },
      });
    },
  });
  return serveEndpoints('calendar', [read], http);
}
