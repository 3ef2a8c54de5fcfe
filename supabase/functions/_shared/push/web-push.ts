// Web push: RFC 8030 (the request), RFC 8291 (the encryption) and RFC 8292 (VAPID, by which a push service knows us).
import { buildPushPayload, type VapidKeys } from '@block65/webcrypto-web-push';
import { type PushMessage, type PushResult, retryAfterSeconds } from './message.ts';

const timeoutMs = 10_000;

/** What a service worker gets: `event.data.json()`. */
export function webPushPayload(message: PushMessage): Record<string, unknown> {
  const { title, body, data, badge, collapseId, category, locale } = message;
  return { title, body, data, badge, tag: collapseId, category, lang: locale };
}

export interface WebPushTarget {
  endpoint: string;
  p256dh: string;
  authSecret: string;
}

/** The first characters of an answer, for a person who looks for a fault. */
async function saidBy(response: Response): Promise<string> {
  const reader = response.body?.getReader();
  if (!reader) return '';
  const { value } = await reader.read();
  await reader.cancel();
  return new TextDecoder().decode(value?.slice(0, 200)).replaceAll(/\s+/g, ' ').trim();
}

/**
 * Sends one web push. `locate` answers where a request to an endpoint really goes. The endpoint comes from a client, so a
 * redirect is never followed: the database checks the host, and a redirect would lead to a host that nobody has checked.
 */
export async function sendWebPush(
  message: PushMessage,
  { endpoint, p256dh, authSecret }: WebPushTarget,
  vapid: VapidKeys,
  { locate, now }: { locate(endpoint: string): string; now(): number },
): Promise<PushResult> {
  let request: Awaited<ReturnType<typeof buildPushPayload>>;
  try {
    request = await buildPushPayload(
      {
        data: JSON.stringify(webPushPayload(message)),
        options: { ttl: message.ttlSeconds, topic: message.collapseId, urgency: message.urgency },
      },
      { endpoint, expirationTime: null, keys: { p256dh, auth: authSecret } },
      vapid,
    );
  } catch (error) {
    // a key that is no point of the curve, or a payload that is too large
    return { kind: 'refused', reason: `the push cannot be encrypted: ${error}` };
  }
  let response: Response;
  let said: string;
  try {
    response = await fetch(locate(endpoint), {
      ...request,
      method: 'POST',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    said = await saidBy(response);
  } catch (error) {
    return { kind: 'retry', reason: `the push service cannot be reached: ${error}` };
  }
  const { status, headers } = response;
  const reason = `the push service answered ${status} ${said}`.trim();
  if (status >= 200 && status < 300) return { kind: 'sent', id: headers.get('location') };
  if (status === 404 || status === 410) return { kind: 'gone', reason };
  if (status === 429)
    return { kind: 'wait', seconds: retryAfterSeconds(headers.get('retry-after'), now()), reason };
  if (status === 503 && headers.has('retry-after')) {
    return { kind: 'wait', seconds: retryAfterSeconds(headers.get('retry-after'), now()), reason };
  }
  return { kind: status >= 500 || status === 408 ? 'retry' : 'refused', reason };
}
