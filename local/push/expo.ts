// Expo's push API: tickets at once, receipts later.
import { z } from 'zod';
import { json } from '../gateway/http.ts';
import type { PushStore } from './store.ts';

export const expoPath = '/--/api/v2/push';
/** As with the enhanced push security of a project at Expo. */
export const expoAccessToken = 'expo_local_access_token';

const text = z.string().max(4096);
const message = z.strictObject({
  to: z.string().regex(/^Expo(nent)?PushToken\[[A-Za-z0-9_-]+\]$/),
  title: text.optional(),
  body: text.optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  badge: z.int().min(0).optional(),
  sound: z.literal('default').nullish(),
  ttl: z.int().min(0).optional(),
  priority: z.enum(['default', 'normal', 'high']).optional(),
  channelId: z.string().optional(),
  categoryId: z.string().optional(),
  threadId: z.string().optional(),
  collapseId: z.string().max(64).optional(),
  tag: z.string().optional(),
});
const maxMessages = 100;
const maxReceipts = 1000;

const refuse = (status: number, code: string, said: string): Response =>
  json(status, { errors: [{ code, message: said }] });

function ticketError(token: string, error: string): Record<string, unknown> {
  const details = { error, expoPushToken: token };
  return { status: 'error', message: `"${token}" got ${error}.`, details };
}

function send(store: PushStore, body: unknown): Response {
  const given = Array.isArray(body) ? body : [body];
  if (given.length > maxMessages) {
    return refuse(400, 'PUSH_TOO_MANY_NOTIFICATIONS', `At most ${maxMessages} notifications at once.`);
  }
  const parsed = z.array(message).min(1).safeParse(given);
  if (!parsed.success) return refuse(400, 'VALIDATION_ERROR', z.prettifyError(parsed.error));
  const messages = parsed.data;
  for (const { to } of messages) {
    const planned = store.takePlanned(store.token(to));
    if (!planned) continue;
    const code = planned.status === 429 ? 'TOO_MANY_REQUESTS' : 'INTERNAL_SERVER_ERROR';
    const refused = refuse(planned.status, code, 'A planned answer.');
    if (planned.retryAfter !== undefined) refused.headers.set('retry-after', String(planned.retryAfter));
    return refused;
  }
  const tickets = messages.map(({ to, title, body: said, data, badge, ttl, priority, ...rest }) => {
    const state = store.token(to);
    if (state.ticketError !== null) return ticketError(to, state.ticketError);
    const payload = { title, body: said, data, badge, ...rest };
    if (Buffer.byteLength(JSON.stringify(payload)) > 4096) return ticketError(to, 'MessageTooBig');
    if (state.receiptError === null) {
      store.catch({
        ...{ service: 'expo', to, ttl: ttl ?? 2_419_200, urgency: priority ?? 'default' },
        ...{ topic: rest.collapseId ?? null, payload },
      });
    }
    return { status: 'ok', id: store.ticket(state.receiptError) };
  });
  return json(200, { data: Array.isArray(body) ? tickets : tickets[0] });
}

function getReceipts(store: PushStore, body: unknown): Response {
  const parsed = z.object({ ids: z.array(z.string()) }).safeParse(body);
  if (!parsed.success) return refuse(400, 'VALIDATION_ERROR', z.prettifyError(parsed.error));
  if (parsed.data.ids.length > maxReceipts) {
    return refuse(400, 'PUSH_TOO_MANY_RECEIPTS', `At most ${maxReceipts} receipts at once.`);
  }
  const receipts = parsed.data.ids.flatMap((id) => {
    const found = store.receipt(id);
    if (!found) return [];
    const { error } = found;
    const receipt =
      error === null ? { status: 'ok' } : { status: 'error', message: error, details: { error } };
    return [[id, receipt] as const];
  });
  return json(200, { data: Object.fromEntries(receipts) });
}

/** Takes a request of Expo's API, below `expoPath`. */
export async function takeExpo(store: PushStore, path: string, request: Request): Promise<Response> {
  if (request.headers.get('authorization') !== `Bearer ${expoAccessToken}`) {
    return refuse(401, 'UNAUTHORIZED', 'The access token is missing or wrong.');
  }
  const body: unknown = await request.json().catch(() => undefined);
  if (path === '/send') return send(store, body);
  if (path === '/getReceipts') return getReceipts(store, body);
  return refuse(404, 'NOT_FOUND', 'Not found.');
}
