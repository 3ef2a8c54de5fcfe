import { describe, expect, it } from 'vitest';
import { callApi, cooldownRequested } from '../_shared/payments/call.ts';

/** The cooldown that a refusal with these headers asks for. */
async function pauseFor(headers: Record<string, string>, retryAfter?: string): Promise<number | undefined> {
  const refusing: typeof fetch = async () => new Response('<html>', { status: 429, headers });
  const init = { method: 'GET', ...(retryAfter === undefined ? {} : { retryAfter }) } as const;
  try {
    await callApi('vietqr', 'https://bank.example', init, refusing);
  } catch (error) {
    return cooldownRequested(error)?.seconds;
  }
  return undefined;
}

describe('the header that says when to come again', () => {
  it.each([
    ['40', 40],
    ['0', 1],
    // more than anybody waits, however it is written
    ['999999', 3600],
    ['1000000000', 3600],
    ['9'.repeat(400), 3600],
    // nonsense, and a date, are as good as nothing
    ['-1', 2],
    ['1e9', 2],
    ['2.5', 2],
    ['NaN', 2],
    ['', 2],
    ['Sat, 21 Nov 2026 14:00:00 GMT', 2],
  ])('is read as seconds: %s', async (value, seconds) => {
    expect(await pauseFor({ 'retry-after': value })).toBe(seconds);
  });

  it("may have the provider's own name besides the standard one", async () => {
    const own = 'x-sepay-userapi-retry-after';
    expect(await pauseFor({ [own]: '7', 'retry-after': '40' }, own)).toBe(7);
    expect(await pauseFor({ 'retry-after': '40' }, own)).toBe(40);
    expect(await pauseFor({}, own)).toBe(2);
    expect(await pauseFor({ [own]: '7' })).toBe(2);
  });
});
