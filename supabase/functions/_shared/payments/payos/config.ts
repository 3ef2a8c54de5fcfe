import type { Env } from '../../env.ts';
import { checkSecret, checkUrl, readSettings } from '../settings.ts';

export interface PayosConfig {
  clientId: string;
  apiKey: string;
  checksumKey: string;
  /** Without a slash at its end. */
  apiUrl: string;
  /** Where payment links are, each under its id; null when the API's address does not tell. */
  linksUrl: string | null;
  /** The account that the bank feed of VietQR reads; absent without one. It must not be PayOS's. */
  feedAccount?: string | undefined;
}

/** Keys that are printed in PayOS's guides and libraries, or that are in every copy of this repository. */
export const publicPayosSecrets = [
  '1a54716c8f0efb2744fb28b6e38b25da7f67a925d98bc1c18bd8faaecadd7675',
  'local-sandbox-api-key',
  'local-sandbox-payout-api-key',
  'your_payos_checksum_key',
  'your_payos_api_key_here',
  'your_payos_checksum_key_here',
];
/** PayOS has no test host; its library's tests use this one. */
export const payosTestHosts = ['api-test.payos.vn'];

const liveHost = 'api-merchant.payos.vn';

/** An address without the slashes at its end, so that paths can be appended. */
export function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

// every link of PayOS that we have seen is this address and the id of the link; for other hosts we know only
// the sandbox
function linksUrlOf(env: Env, apiUrl: string): string | null {
  if (new URL(apiUrl).hostname === liveHost) return 'https://pay.payos.vn/web';
  return env.JOURNEY_ENV === 'local' ? `${apiUrl}/web` : null;
}

/**
 * PayOS's settings, or null when none is set. Throws when only some are set, or when production would use
 * publicly known keys.
 */
export function payosConfig(env: Env): PayosConfig | null {
  const settings = readSettings(env, [
    'PAYOS_CLIENT_ID',
    'PAYOS_API_KEY',
    'PAYOS_CHECKSUM_KEY',
    'PAYOS_API_URL',
  ]);
  if (settings === null) return null;
  checkSecret(env, 'PAYOS_API_KEY', settings.PAYOS_API_KEY, publicPayosSecrets);
  checkSecret(env, 'PAYOS_CHECKSUM_KEY', settings.PAYOS_CHECKSUM_KEY, publicPayosSecrets);
  checkUrl(env, 'PAYOS_API_URL', settings.PAYOS_API_URL, payosTestHosts);
  const apiUrl = withoutSlash(settings.PAYOS_API_URL);
  return {
    clientId: settings.PAYOS_CLIENT_ID,
    apiKey: settings.PAYOS_API_KEY,
    checksumKey: settings.PAYOS_CHECKSUM_KEY,
    apiUrl,
    linksUrl: linksUrlOf(env, apiUrl),
    feedAccount: env.VIETQR_ACCOUNT_NUMBER?.trim() || undefined,
  };
}
