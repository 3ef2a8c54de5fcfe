import { expoAccessToken } from '../../local/push/expo.ts';
import type { CaughtPush, PlannedAnswer, TokenState } from '../../local/push/store.ts';
import { setting } from './setting.ts';

/** A subscription as `pushManager.subscribe()` gives it, with its id at the local push service. */
export interface Subscribed {
  id: string;
  endpoint: string;
  keys: { p256dh: string; auth: string };
}

async function ask<T>(path: string, body?: unknown): Promise<T> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  };
  const answer = await fetch(`${setting('MAIL_URL')}/push/api/${path}`, body === undefined ? {} : init);
  if (!answer.ok) throw new Error(`the push service answered ${answer.status}: ${await answer.text()}`);
  return (await answer.json()) as T;
}

/** A browser subscribes at the local push service. */
export const subscribe = (applicationServerKey: string): Promise<Subscribed> =>
  ask('subscriptions', { applicationServerKey });

/** How the push service answers for a subscription from now on. */
export const setSubscription = (
  { id }: Subscribed,
  changes: { isGone?: boolean; planned?: PlannedAnswer[] },
): Promise<unknown> => ask(`subscriptions/${id}`, changes);

/** How Expo answers for a token from now on. */
export const setToken = (token: string, changes: Partial<TokenState>): Promise<unknown> =>
  ask('tokens', { token, ...changes });

/** What a device got, newest first. */
export const pushesTo = (to: string): Promise<CaughtPush[]> => ask(`messages?to=${encodeURIComponent(to)}`);

export const anyExpoToken = (): string => `ExponentPushToken[${crypto.randomUUID()}]`;

/** The settings with which functions reach the local push service. */
export const localPushEnv = () => ({
  JOURNEY_ENV: 'local' as const,
  EXPO_API_URL: setting('MAIL_URL'),
  EXPO_ACCESS_TOKEN: expoAccessToken,
  WEB_PUSH_LOCAL_URL: setting('MAIL_URL'),
  VAPID_SUBJECT: 'mailto:operator@journey.example',
});
