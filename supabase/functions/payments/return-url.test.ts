import { describe, expect, it } from 'vitest';
import { allowedReturns, isAllowedReturn } from '../_shared/payments/return-url.ts';

describe('the address that a payer returns to', () => {
  it('may have the scheme of any app that the setting names, on a developer’s machine too', () => {
    for (const JOURNEY_ENV of ['local', 'production'] as const) {
      const allowed = allowedReturns({ JOURNEY_ENV, APP_RETURN_URLS: 'myapp://, https://app.example.com' });
      for (const target of ['myapp://pay', 'myapp://pay/42?x=1', 'https://app.example.com/paid']) {
        expect([JOURNEY_ENV, target, isAllowedReturn(target, allowed)]).toEqual([JOURNEY_ENV, target, true]);
      }
      for (const target of [
        'otherapp://pay',
        'myapp2://pay',
        'https://example.com/',
        'javascript:myapp://',
      ]) {
        expect([target, isAllowedReturn(target, allowed)]).toEqual([target, false]);
      }
    }
  });

  it('is a browser on this machine, our own app or Expo Go without any setting, but only on a developer’s machine', () => {
    const targets = [
      'http://localhost:8081/paid',
      'http://127.0.0.1:3000/',
      'journey://paid',
      'exp://192.168.1.20:8081/--/paid',
    ];
    const here = allowedReturns({ JOURNEY_ENV: 'local', APP_RETURN_URLS: '' });
    const live = allowedReturns({ JOURNEY_ENV: 'production', APP_RETURN_URLS: '' });
    expect(targets.filter((target) => isAllowedReturn(target, here))).toEqual(targets);
    expect(targets.filter((target) => isAllowedReturn(target, live))).toEqual([]);
  });

  it('is not every address of a scheme when the setting names one address of it', () => {
    expect(isAllowedReturn('myapp://evil', ['myapp://pay'])).toBe(false);
  });
});
