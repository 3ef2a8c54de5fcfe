import type { Env } from '../../env.ts';

export interface VnpayConfig {
  tmnCode: string;
  hashSecret: string;
  payUrl: string;
  apiUrl: string;
}

// Printed in samples and guides, or used by the local sandbox: known to everybody.
const publicSecrets = new Set([
  'LOCALSANDBOXSECRETLOCALSANDBOXSE',
  'RAOEXHYVSDDIIENYWSLDIIZTANXUXZFJ',
  'SECRETKEY',
  'SECRET',
]);

function checkUrl(name: string, value: string, live: boolean): string {
  let url: URL;
  try {
    url = new URL(value);
  } catch {
    throw new Error(`${name} is not an address. Set it to the one VNPay gave at onboarding.`);
  }
  if (!live) return value;
  if (url.protocol !== 'https:' || url.hostname === 'sandbox.vnpayment.vn') {
    throw new Error(
      `${name} points at ${url.host}, which is not for real money. Set it to VNPay's live address.`,
    );
  }
  return value;
}

/**
 * VNPay's settings, or null when none is set. Throws when they are half set, or when production would run on
 * keys that everybody knows.
 */
export function vnpayConfig(env: Env): VnpayConfig | null {
  const { VNPAY_TMN_CODE, VNPAY_HASH_SECRET, VNPAY_PAY_URL, VNPAY_API_URL } = env;
  const values = { VNPAY_TMN_CODE, VNPAY_HASH_SECRET, VNPAY_PAY_URL, VNPAY_API_URL };
  if (Object.values(values).every((value) => value === undefined)) return null;
  for (const [name, value] of Object.entries(values)) {
    if (!value?.trim())
      throw new Error(`${name} is empty. Set all of VNPay's settings, or none to do without it.`);
  }
  const live = env.JOURNEY_ENV === 'production';
  const hashSecret = VNPAY_HASH_SECRET ?? '';
  const tmnCode = VNPAY_TMN_CODE ?? '';
  if (!/^[A-Za-z0-9]{8}$/.test(tmnCode)) throw new Error('VNPAY_TMN_CODE must be eight letters or digits.');
  if (live && (hashSecret.length < 16 || publicSecrets.has(hashSecret))) {
    throw new Error(
      'VNPAY_HASH_SECRET is a demo secret. Production needs the one VNPay gave for your terminal.',
    );
  }
  return {
    tmnCode,
    hashSecret,
    payUrl: checkUrl('VNPAY_PAY_URL', VNPAY_PAY_URL ?? '', live),
    apiUrl: checkUrl('VNPAY_API_URL', VNPAY_API_URL ?? '', live),
  };
}
