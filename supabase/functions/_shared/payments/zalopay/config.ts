import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface ZalopayConfig {
  /** A number, as text. */
  appId: string;
  /** Signs what we send. */
  key1: string;
  /** Signs what ZaloPay sends. */
  key2: string;
  /** Without a path, such as `https://openapi.zalopay.vn`. */
  apiUrl: string;
}

// Of the demo apps 553, 554, 2553 and 2554, printed in ZaloPay's guides and samples.
const publicSecrets = [
  '9phuAOYhan4urywHTh0ndEXiV3pKHr5Q',
  'Iyz2habzyr7AG8SgvoBCbKwKi3UzlLi3',
  '8NdU5pG5R2spGHGhyO99HN1OhD8IQJBn',
  'uUfsWgfLkRLzq6W2uNXTCxrfxs51auny',
  'PcY4iZIKFCIdgZvA6ueMcMHHUbRLYjPL',
  'kLtgPl8HHhfvMuDHPwKfgfsY4Ydm9eIz',
  'sdngKKJmqEMzvh5QQcdD2A9XBSKUNaYn',
  'trMrHtvjo6myautxDUiAcYsVtaeQ8nhf',
];
const testHosts = ['sb-openapi.zalopay.vn', 'sandbox.zalopay.com.vn'];

/**
 * ZaloPay's settings, or null when none is set. Throws when they are half set, or when production would run on
 * keys that everybody knows. Its answers are not signed: that they are ZaloPay's is proven by https alone.
 */
export function zalopayConfig(env: Env): ZalopayConfig | null {
  const settings = readSettings(env, ['ZALOPAY_APP_ID', 'ZALOPAY_KEY1', 'ZALOPAY_KEY2', 'ZALOPAY_API_URL']);
  if (settings === null) return null;
  const { ZALOPAY_APP_ID: appId, ZALOPAY_KEY1: key1, ZALOPAY_KEY2: key2 } = settings;
  if (!/^[1-9]\d{0,9}$/.test(appId)) throw new Error('ZALOPAY_APP_ID must be a whole number.');
  checkSecret(env, 'ZALOPAY_KEY1', key1, publicSecrets);
  checkSecret(env, 'ZALOPAY_KEY2', key2, publicSecrets);
  // pasted twice, every notification would be refused and nobody would know why
  if (key1 === key2) throw new Error('ZALOPAY_KEY1 and ZALOPAY_KEY2 are the same; ZaloPay gives two.');
  checkUrl(env, 'ZALOPAY_API_URL', settings.ZALOPAY_API_URL, testHosts);
  return { appId, key1, key2, apiUrl: settings.ZALOPAY_API_URL.replace(/\/+$/, '') };
}
