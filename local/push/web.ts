import { json } from '../gateway/http.ts';
import { decryptPush, NotDecryptable } from './decrypt.ts';
import type { PushStore } from './store.ts';
import { vapidProblem } from './vapid.ts';

/** The origin of the endpoints, which is the audience of VAPID. The sender reaches it here (docs/decisions/0056). */
export const pushOrigin = 'https://push.journey.test';
const maxBytes = 4096;

const refuse = (status: number, message: string, headers: Record<string, string> = {}): Response =>
  json(status, { message }, headers);

/** A push service of browsers, RFC 8030, with the browser behind it that decrypts. */
export async function takeWebPush(store: PushStore, id: string, request: Request): Promise<Response> {
  const subscription = store.subscription(id);
  if (!subscription) return refuse(404, 'There is no such subscription.');
  const planned = store.takePlanned(subscription);
  if (planned) {
    const headers: Record<string, string> = {};
    if (planned.retryAfter !== undefined) headers['retry-after'] = String(planned.retryAfter);
    if (planned.location !== undefined) headers.location = planned.location;
    return refuse(planned.status, 'A planned answer.', headers);
  }
  if (subscription.isGone) return refuse(410, 'The subscription has ended.');
  const problem = vapidProblem(request.headers.get('authorization'), {
    audience: pushOrigin,
    subscribedWith: subscription.applicationServerKey,
    now: Date.now(),
  });
  if (problem !== null) return refuse(403, problem);
  const header = (name: string): string | null => request.headers.get(name);
  const ttl = header('ttl') ?? '';
  if (!/^[0-9]+$/.test(ttl)) return refuse(400, 'TTL is missing.');
  const urgency = header('urgency') ?? 'normal';
  if (!['very-low', 'low', 'normal', 'high'].includes(urgency)) return refuse(400, 'Urgency is unknown.');
  const topic = header('topic');
  if (topic !== null && !/^[A-Za-z0-9_-]{1,32}$/.test(topic)) return refuse(400, 'Topic is malformed.');
  if (header('content-encoding') !== 'aes128gcm') return refuse(415, 'The encoding must be aes128gcm.');
  const body = Buffer.from(await request.arrayBuffer());
  if (body.length > maxBytes) return refuse(413, 'A push has at most 4096 bytes.');
  let payload: Record<string, unknown>;
  try {
    const text = decryptPush(body, {
      privateKey: Buffer.from(subscription.privateKey, 'base64url'),
      authSecret: Buffer.from(subscription.auth, 'base64url'),
    });
    payload = JSON.parse(text.toString()) as Record<string, unknown>;
  } catch (error) {
    // a push service would take it, and the browser would drop it in silence
    return refuse(400, error instanceof NotDecryptable ? error.message : 'The payload is no JSON.');
  }
  const caught = store.catch({
    ...{ service: 'web', to: subscription.endpoint, ttl: Number(ttl), urgency, topic, payload },
  });
  return new Response(null, { status: 201, headers: { location: `${pushOrigin}/m/${caught}`, ttl } });
}
