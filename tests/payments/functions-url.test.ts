import { describe, expect, it } from 'vitest';
import { readEnv } from '../../supabase/functions/_shared/env.ts';
import { publicFunctionsUrl } from '../../supabase/functions/_shared/payments/settings.ts';
import { inProduction, platform } from './settings.ts';

const urlOf = (variables: Record<string, string>) => publicFunctionsUrl(readEnv(variables));

describe('the address that providers are given for their notifications', () => {
  it('is that of the platform, or the one that is set, without a slash at its end', () => {
    const SUPABASE_URL = 'https://abc.supabase.co';
    expect(urlOf(inProduction({ SUPABASE_URL }))).toBe('https://abc.supabase.co/functions/v1');
    const PUBLIC_FUNCTIONS_URL = 'https://api.example.com/functions/v1/';
    expect(urlOf(inProduction({ PUBLIC_FUNCTIONS_URL }))).toBe('https://api.example.com/functions/v1');
  });

  it.each([
    ['SUPABASE_URL is one of the inside', { SUPABASE_URL: 'http://kong:8000' }],
    ['somebody forgot the s', { PUBLIC_FUNCTIONS_URL: 'http://api.example.com/functions/v1' }],
  ])('is refused in production where %s', (_what, own) => {
    expect(() => urlOf(inProduction(own))).toThrow('PUBLIC_FUNCTIONS_URL');
    expect(urlOf({ ...platform, ...own, JOURNEY_ENV: 'local' })).toMatch(/^http:.*\/functions\/v1$/);
  });
});
