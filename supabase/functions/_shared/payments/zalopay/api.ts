import { callApi, type Outside, rateLimited } from '../call.ts';
import type { Signer } from '../hmac.ts';
import type { ZalopayConfig } from './config.ts';
import { quoteNumbers, textOf } from './json.ts';
import { callText, type ZalopayPath } from './sign.ts';

/** What calls to ZaloPay need. */
export interface ZalopayTools extends Outside {
  config: ZalopayConfig;
  /** Of key1. */
  signer: Signer;
}

/** An answer of ZaloPay's API. */
export interface ZalopayAnswer {
  /** 1 done, 2 failed, 3 being processed. */
  returnCode: string;
  /** The most telling code of it: the sub code where it says more. */
  code: string;
  /** A field as text, exactly as it was written; absent ones are empty. */
  field(name: string): string;
}

const tooMany = '-429';
// Says nothing about what was asked: an error there, maintenance.
const temporary = new Set(['-500', '-503', '-999']);

/** Whether ZaloPay answered that it has no answer now. */
export function isTemporary(answer: ZalopayAnswer): boolean {
  return temporary.has(answer.code);
}

/** Whether ZaloPay refused the call itself: wrong keys or a wrong form, which we must fix. */
export function isDenied(answer: ZalopayAnswer): boolean {
  return /^-40\d$/.test(answer.code);
}

// Newer tables of codes print -401 and its like as return_code, older ones as sub_return_code.
function codeOf(returnCode: string, subCode: string): string {
  return /^[123]$/.test(returnCode) && /^-\d+$/.test(subCode) ? subCode : returnCode;
}

/**
 * Calls ZaloPay's API. Throws `provider_unavailable` when no readable answer comes in six seconds, and as
 * `rateLimited` when ZaloPay says that.
 */
export async function callZalopay(
  path: ZalopayPath,
  message: Record<string, unknown>,
  { config, signer, fetch }: ZalopayTools,
): Promise<ZalopayAnswer> {
  const body = { app_id: Number(config.appId), ...message };
  const mac = await signer.sign(callText(path, body, config.key1));
  const fetchKeepingDigits: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    const { status, headers } = response;
    return new Response(quoteNumbers(await response.text()), { status, headers });
  };
  const answer = await callApi(
    'zalopay',
    `${config.apiUrl}/v2/${path}`,
    { method: 'POST', body: { ...body, mac } },
    fetchKeepingDigits,
  );
  const field = (name: string): string => textOf(answer.body[name]);
  const returnCode = field('return_code');
  const code = codeOf(returnCode, field('sub_return_code'));
  if (code === tooMany && returnCode !== '1') throw rateLimited('zalopay', code);
  return { returnCode, code, field };
}
