import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface VnpayConfig {
  tmnCode: string;
  hashSecret: string;
  payUrl: string;
  apiUrl: string;
}

// Printed in samples and guides.
const publicSecrets = ['RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ', 'SECRETKEY', 'SECRET'];
const testHosts = ['sandbox.vnpayment.vn'];

/**
 * VNPay's settings, or null when none is set. Throws when only some are set, or when production would use
 * publicly known keys.
 */
export function vnpayConfig(env: Env): VnpayConfig | null {
  const settings = readSettings(env, [
    'VNPAY_TMN_CODE',
    'VNPAY_HASH_SECRET',
    'VNPAY_PAY_URL',
    'VNPAY_API_URL',
  ]);
  if (settings === null) return null;
  const tmnCode = settings.VNPAY_TMN_CODE;
  if (!/^[A-Za-z0-9]{8}$/.test(tmnCode)) throw new Error('VNPAY_TMN_CODE must be eight letters or digits.');
  checkSecret(env, 'VNPAY_HASH_SECRET', settings.VNPAY_HASH_SECRET, publicSecrets);
  checkUrl(env, 'VNPAY_PAY_URL', settings.VNPAY_PAY_URL, testHosts);
  checkUrl(env, 'VNPAY_API_URL', settings.VNPAY_API_URL, testHosts);
  return {
    tmnCode,
    hashSecret: settings.VNPAY_HASH_SECRET,
    payUrl: settings.VNPAY_PAY_URL,
    apiUrl: settings.VNPAY_API_URL,
  };
}
