import type { Env } from '../env.ts';
import { createExpo } from './expo.ts';
import { fitted, type PushSender } from './message.ts';
import { checkVapidKeys } from './vapid-keys.ts';
import { sendWebPush } from './web-push.ts';

type PushEnv = Pick<
  Env,
  | 'JOURNEY_ENV'
  | 'VAPID_PUBLIC_KEY'
  | 'VAPID_PRIVATE_KEY'
  | 'VAPID_SUBJECT'
  | 'EXPO_ACCESS_TOKEN'
  | 'EXPO_API_URL'
  | 'WEB_PUSH_LOCAL_URL'
>;

/**
 * The host of the push service of the local stack. `.test` is reserved (RFC 2606): no such host exists outside, and the
 * setting `web_push_hosts` names it in the local seed only.
 */
export const localPushHost = 'push.journey.test';

/**
 * Where a request to an endpoint goes: to the endpoint. Only on a developer's machine, the endpoints of the one host that
 * cannot exist go to the local push service. Throws elsewhere.
 */
export function locateEndpoint(
  env: Pick<Env, 'JOURNEY_ENV' | 'WEB_PUSH_LOCAL_URL'>,
): (endpoint: string) => string {
  const local = env.WEB_PUSH_LOCAL_URL;
  if (local === undefined) return (endpoint) => endpoint;
  if (env.JOURNEY_ENV !== 'local') throw new Error('WEB_PUSH_LOCAL_URL is for JOURNEY_ENV=local only.');
  return (endpoint) => {
    const { host, pathname } = new URL(endpoint);
    return host === localPushHost ? new URL(`/web-push${pathname}`, local).href : endpoint;
  };
}

/** Sends through Expo to phones, and through the push services of browsers to browsers. */
export function createPushSender(env: PushEnv, now: () => number): PushSender {
  const locate = locateEndpoint(env);
  const expo = createExpo({ apiUrl: env.EXPO_API_URL, accessToken: env.EXPO_ACCESS_TOKEN }, now);
  const vapid = checkVapidKeys(env);
  const problems = vapid.problem === undefined ? [] : [vapid.problem];
  return {
    webPushKey: vapid.keys?.publicKey ?? null,
    problems,
    receipts: expo.receipts,
    async send(message, target) {
      const short = fitted(message);
      if (target.kind === 'expo') return expo.send(target.token, short);
      const { keys } = vapid;
      if (!keys) {
        const reason =
          vapid.problem ?? 'Web push needs VAPID_PUBLIC_KEY, VAPID_PRIVATE_KEY and VAPID_SUBJECT.';
        return { kind: 'not_configured', reason };
      }
      return sendWebPush(short, target, keys, { locate, now });
    },
  };
}
