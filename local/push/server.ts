import { z } from 'zod';
import { json } from '../gateway/http.ts';
import { expoPath, takeExpo } from './expo.ts';
import { pushesPage } from './page.ts';
import { PushStore } from './store.ts';
import { pushOrigin, takeWebPush } from './web.ts';

const planned = z.array(
  z.strictObject({
    status: z.int().min(200).max(599),
    retryAfter: z.int().min(0).optional(),
    location: z.string().optional(),
  }),
);
const subscribeBody = z.strictObject({ applicationServerKey: z.string().regex(/^B[A-Za-z0-9_-]{86}$/) });
const subscriptionBody = z.strictObject({ isGone: z.boolean().optional(), planned: planned.optional() });
const errorCode = z.string().min(1).nullable().optional();
const tokenBody = z.strictObject({
  token: z.string().min(1),
  ticketError: errorCode,
  receiptError: errorCode,
  planned: planned.optional(),
});

/** Answers a request for the push service, or null when it is for somebody else. */
export type PushRoute = (request: Request) => Promise<Response | null>;

/**
 * A push service of browsers, Expo's push API, and the devices behind both. It speaks the real protocols, verifies what
 * they sign and decrypts what they encrypt. It is served beside the mail catcher.
 *
 * Its own API: `POST /push/api/subscriptions` subscribes as a browser does; `POST /push/api/subscriptions/<id>` and
 * `POST /push/api/tokens` set how it answers; `GET /push/api/messages?to=…` lists what devices got.
 */
export function createPushService(dir: string): PushRoute {
  const store = new PushStore(dir);

  const api = async (call: string, url: URL, request: Request): Promise<Response> => {
    const read = async <T>(schema: z.ZodType<T>) =>
      schema.safeParse(await request.json().catch(() => undefined));
    const bad = (error: z.ZodError) => json(400, { message: z.prettifyError(error) });
    if (call === 'GET /push/api/messages') {
      return json(200, store.list(url.searchParams.get('to') ?? undefined));
    }
    if (call === 'POST /push/api/subscriptions') {
      const { data, error } = await read(subscribeBody);
      if (error) return bad(error);
      const { id, endpoint, p256dh, auth } = store.subscribe(data.applicationServerKey, pushOrigin);
      return json(201, { id, endpoint, keys: { p256dh, auth } });
    }
    if (call === 'POST /push/api/tokens') {
      const { data, error } = await read(tokenBody);
      if (error) return bad(error);
      const { token, ...changes } = data;
      store.setToken(token, changes);
      return json(200, store.token(token));
    }
    const id = /^POST \/push\/api\/subscriptions\/([0-9a-f-]{36})$/.exec(call)?.[1];
    if (id === undefined) return json(404, { message: 'Not found' });
    const { data, error } = await read(subscriptionBody);
    if (error) return bad(error);
    return store.change(id, data) ? json(200, {}) : json(404, { message: 'Not found' });
  };

  return async (request) => {
    const url = new URL(request.url);
    const call = `${request.method} ${url.pathname}`;
    const subscription = /^POST \/web-push\/([0-9a-f-]{36})$/.exec(call)?.[1];
    if (subscription !== undefined) return takeWebPush(store, subscription, request);
    if (call.startsWith(`POST ${expoPath}/`)) {
      return takeExpo(store, url.pathname.slice(expoPath.length), request);
    }
    if (call === 'GET /push') {
      const headers = {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      };
      return new Response(pushesPage(store.list()), { headers });
    }
    return url.pathname.startsWith('/push/api/') ? api(call, url, request) : null;
  };
}
