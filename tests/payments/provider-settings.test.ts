import { describe, expect, it } from 'vitest';
import { sandboxSettings } from '../../local/sandbox/merchants.ts';
import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { createProviders, createTransfers } from '../../supabase/functions/_shared/payments/index.ts';
import { platform, reasonOf } from './settings.ts';

const rails = ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'];
const all = { ...platform, JOURNEY_ENV: 'local', ...sandboxSettings('http://127.0.0.1:1') };
const refused = (run: () => unknown): unknown => {
  try {
    run();
  } catch (error) {
    return reasonOf(error);
  }
  return null;
};

describe('settings of one rail that are refused', () => {
  it.each([
    ['vnpay', 'VNPAY_HASH_SECRET'],
    ['momo', 'MOMO_SECRET_KEY'],
    ['zalopay', 'ZALOPAY_KEY1'],
    ['payos', 'PAYOS_CHECKSUM_KEY'],
    ['stripe', 'STRIPE_SECRET_KEY'],
    ['vietqr', 'VIETQR_ACCOUNT_NUMBER'],
  ])('switch %s off, name the reason, and leave every other rail', (rail, variable) => {
    const providers = createProviders(readEnv({ ...all, [variable]: '' }));
    expect(() => providers.get(rail)).toThrow(
      expect.objectContaining({ code: 'provider_not_configured', details: { provider: rail } }),
    );
    expect(refused(() => providers.get(rail))).toMatchObject({ message: expect.stringContaining(variable) });
    expect(providers.problems([])).toEqual([expect.stringContaining(variable)]);
    for (const other of rails.filter((name) => name !== rail)) expect(providers.get(other).name).toBe(other);
  });

  it('differ from missing ones, which are a problem only when the rail is needed', () => {
    const providers = createProviders(readEnv(platform));
    expect(providers.problems([])).toEqual([]);
    expect(providers.problems(['momo', 'cash'])).toEqual(['momo is switched on without settings.']);
    expect(providers.knows('momo')).toBe(true);
  });

  it('stop transfers from being made by hand too, because the channel may have sent them', async () => {
    const transfers = createTransfers(readEnv({ ...all, PAYOS_PAYOUT_API_KEY: '' }));
    expect(transfers?.problem).toContain('PAYOS_PAYOUT_API_KEY');
    const input = {
      ...{ requestKey: 'k', reference: 'r', amount: 1, currency: 'VND', bankBin: '970436' },
      ...{ accountNumber: '1', accountName: 'A', message: 'm', transferId: null },
    };
    for (const call of [transfers?.send(input), transfers?.retrieve(input)])
      await expect(call).rejects.toMatchObject({ code: 'provider_not_configured' });
    expect(createTransfers(readEnv(platform))).toBeNull();
  });
});
