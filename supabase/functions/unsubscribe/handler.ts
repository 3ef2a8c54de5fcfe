import { readText } from '../_shared/body.ts';
import { subscription } from '../_shared/contracts/unsubscribe.ts';
import type { Deps } from '../_shared/deps.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { unsubscribePage } from './page.ts';

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy':
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
};

/** What a form asks for. A mail program sends `List-Unsubscribe=One-Click`, and whatever is not the way back leaves. */
async function wantsBack(request: Request): Promise<boolean> {
  const body = await readText(request, 4 * 1024);
  return new URLSearchParams(body).get('action') === 'subscribe';
}

/**
 * /unsubscribe/<token>, the link in a mail. GET and HEAD change nothing, because programs that look for harm fetch every
 * link of a mail: they show a page with a button. POST unsubscribes, by the button or by a mail program (RFC 8058), or
 * subscribes again by the button of the page that follows. Nobody signs in.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const look = endpoint({
    methods: ['GET', 'HEAD'],
    path: '/:token',
    auth: 'none',
    async run({ request, params, trace }) {
      const args = { token: params.token ?? '' };
      const state = await db.service(trace).call('unsubscribe_state', args, subscription);
      const body = request.method === 'HEAD' ? null : unsubscribePage(state);
      return new Response(body, { status: state === null ? 404 : 200, headers });
    },
  });
  const decide = endpoint({
    methods: ['POST'],
    path: '/:token',
    auth: 'none',
    async run({ request, params, trace, note }) {
      const args = { token: params.token ?? '', subscribed: await wantsBack(request) };
      const state = await db.service(trace).call('set_subscribed', args, subscription);
      note({ category: state?.category ?? null, subscribed: state?.subscribed ?? null });
      return new Response(unsubscribePage(state), { status: state === null ? 404 : 200, headers });
    },
  });
  return serveEndpoints('unsubscribe', [look, decide], http);
}
