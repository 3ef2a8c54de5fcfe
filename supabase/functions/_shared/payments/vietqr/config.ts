import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface VietqrConfig {
  /** NAPAS's six digits of the bank. */
  bankBin: string;
  /** The account itself, as SePay names it in `accountNumber`; not a virtual account. */
  accountNumber: string;
  accountName: string;
  webhookSecret: string;
  apiToken: string;
  /** Without a slash at its end: `https://my.sepay.vn`, or the sandbox. */
  apiUrl: string;
}

// Printed in SePay's guides.
const publicSecrets = [
  'REPLACE_BEARER_TOKEN',
  'YOUR_API_TOKEN_HERE',
  'YOUR_WEBHOOK_SECRET',
  'your_webhook_secret',
  'your_webhook_secret_key_here',
];
const testHosts = ['my.dev.sepay.vn'];
// of the local sandbox, and of many samples
const sandboxAccount = '0123456789';

/**
 * The account that payers transfer to and its bank feed, or null when none is set. Throws when only some are
 * set, or when production would use publicly known values.
 */
export function vietqrConfig(env: Env): VietqrConfig | null {
  const settings = readSettings(env, [
    'VIETQR_BANK_BIN',
    'VIETQR_ACCOUNT_NUMBER',
    'VIETQR_ACCOUNT_NAME',
    'SEPAY_WEBHOOK_SECRET',
    'SEPAY_API_TOKEN',
    'SEPAY_API_URL',
  ]);
  if (settings === null) return null;
  if (!/^\d{6}$/.test(settings.VIETQR_BANK_BIN)) {
    throw new Error('VIETQR_BANK_BIN must be the six digits by which NAPAS knows the bank.');
  }
  if (!/^[A-Za-z0-9]{4,19}$/.test(settings.VIETQR_ACCOUNT_NUMBER)) {
    throw new Error('VIETQR_ACCOUNT_NUMBER must be 4 to 19 letters or digits, without spaces.');
  }
  // money that goes to somebody else's account cannot be called back
  if (env.JOURNEY_ENV === 'production' && settings.VIETQR_ACCOUNT_NUMBER === sandboxAccount) {
    throw new Error("VIETQR_ACCOUNT_NUMBER is that of the sandbox, and at a bank it is somebody else's.");
  }
  checkSecret(env, 'SEPAY_WEBHOOK_SECRET', settings.SEPAY_WEBHOOK_SECRET, publicSecrets);
  checkSecret(env, 'SEPAY_API_TOKEN', settings.SEPAY_API_TOKEN, publicSecrets);
  checkUrl(env, 'SEPAY_API_URL', settings.SEPAY_API_URL, testHosts);
  if (new URL(settings.SEPAY_API_URL).hostname === 'userapi.sepay.vn') {
    throw new Error('SEPAY_API_URL is that of API v2, which numbers transfers otherwise than the webhook.');
  }
  return {
    bankBin: settings.VIETQR_BANK_BIN,
    accountNumber: settings.VIETQR_ACCOUNT_NUMBER,
    accountName: settings.VIETQR_ACCOUNT_NAME,
    webhookSecret: settings.SEPAY_WEBHOOK_SECRET,
    apiToken: settings.SEPAY_API_TOKEN,
    apiUrl: settings.SEPAY_API_URL.replace(/\/+$/, ''),
  };
}
