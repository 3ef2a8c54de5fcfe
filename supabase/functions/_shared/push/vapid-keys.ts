import type { VapidKeys } from '@block65/webcrypto-web-push';
import type { Env } from '../env.ts';

type VapidEnv = Pick<Env, 'VAPID_PUBLIC_KEY' | 'VAPID_PRIVATE_KEY' | 'VAPID_SUBJECT'>;

/**
 * The keys by which push services know us, checked by their form. Neither keys nor a problem when none is set: then
 * browsers cannot subscribe. A public key that does not belong to the private one is refused by the push services.
 */
export function checkVapidKeys(env: VapidEnv): { keys?: VapidKeys; problem?: string } {
  const { VAPID_PUBLIC_KEY: publicKey, VAPID_PRIVATE_KEY: privateKey, VAPID_SUBJECT: subject } = env;
  if (!publicKey && !privateKey && !subject) return {};
  if (!publicKey || !/^B[A-Za-z0-9_-]{86}$/.test(publicKey)) {
    return { problem: 'VAPID_PUBLIC_KEY must be the 65 bytes of the public key in base64url.' };
  }
  if (!privateKey || !/^[A-Za-z0-9_-]{43}$/.test(privateKey)) {
    return { problem: 'VAPID_PRIVATE_KEY must be the 32 bytes of the private key in base64url.' };
  }
  if (!subject || !/^(mailto:[^@\s]+@[^@\s]+|https:\/\/\S+)$/.test(subject)) {
    return { problem: 'VAPID_SUBJECT must be a mailto: or https: address of the operator.' };
  }
  return { keys: { publicKey, privateKey, subject } };
}
