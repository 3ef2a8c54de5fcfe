import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface MomoConfig {
  partnerCode: string;
  /** Part of every signed text, but never sent. */
  accessKey: string;
  secretKey: string;
  /** The host, without the path of a call and without a slash at its end. */
  apiUrl: string;
}

// Printed in MoMo's samples and in many tutorials.
const publicSecrets = [
  'K951B6PE1waDMi640xX08PD3vg6EkVlz',
  'at67qH6mk8w5Y1nAyMoYKMWACiEi2bsa',
  'SetA5RDnLHvt51AULf51DyauxUo3kDU6',
  'PPuDXq1KowPT1ftR8DvlQTHhC03aul17',
  'nqQiVSgDMy809JoPF6OzP5OdBUB550Y4',
  'fj00YKnJhmYqahaFWUgkg75saNTzMrbO',
  'KqBEecvaJf1nULnhPF5htpG3AMtDIOlD',
];
const testHosts = ['test-payment.momo.vn'];

/**
 * MoMo's settings, or null when none is set. Throws when only some are set, or when production would use
 * publicly known keys.
 */
export function momoConfig(env: Env): MomoConfig | null {
  const settings = readSettings(env, [
    'MOMO_PARTNER_CODE',
    'MOMO_ACCESS_KEY',
    'MOMO_SECRET_KEY',
    'MOMO_API_URL',
  ]);
  if (settings === null) return null;
  const partnerCode = settings.MOMO_PARTNER_CODE;
  if (!/^[A-Za-z0-9_-]{1,50}$/.test(partnerCode)) {
    throw new Error('MOMO_PARTNER_CODE must be letters and digits, as MoMo gave it.');
  }
  checkSecret(env, 'MOMO_SECRET_KEY', settings.MOMO_SECRET_KEY, publicSecrets);
  checkUrl(env, 'MOMO_API_URL', settings.MOMO_API_URL, testHosts);
  return {
    partnerCode,
    accessKey: settings.MOMO_ACCESS_KEY,
    secretKey: settings.MOMO_SECRET_KEY,
    apiUrl: settings.MOMO_API_URL.replace(/\/+$/, ''),
  };
}
