import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256Hex, sha256Plain } from '../../sdk/src/core/sha256.ts';
import {
  canMove,
  createJourney,
  errorCatalog,
  errorText,
  isErrorCode,
  parsePeriod,
  priceLineText,
  priceRental,
  toTimestamp,
} from '../../sdk/src/index.ts';
import { factsWith } from '../pricing/facts.ts';

describe('SHA-256 without Web Crypto', () => {
  it('agrees with OpenSSL on everything', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        const expected = createHash('sha256').update(bytes).digest('hex');
        expect(sha256Plain(bytes)).toBe(expected);
        expect(await sha256Hex(bytes)).toBe(expected);
      }),
    );
  });

  it('agrees where the padding begins a new block, and on a view into a larger buffer', () => {
    const buffer = new Uint8Array(1000).map((_, i) => i);
    for (const length of [0, 55, 56, 63, 64, 65, 119, 120, 128]) {
      const view = buffer.subarray(7, 7 + length);
      expect(sha256Plain(view)).toBe(createHash('sha256').update(view).digest('hex'));
    }
  });
});

describe('the words for the lines of a price', () => {
  it('are there for every line, in both languages', () => {
    const { lines } = priceRental(
      factsWith({
        starts_at: '2026-03-06T09:00:00+07:00',
        ends_at: '2026-03-14T14:00:00+07:00',
        weekend_bps: 2000,
        long_stay_days: 7,
        long_stay_discount_bps: 1000,
        delivery_fee: 50_000,
        security_deposit: 1_000_000,
        options: { insurance: 'basic', delivery: true },
      }),
    );
    expect(lines.length).toBeGreaterThanOrEqual(8);
    for (const { code } of lines) {
      const [en, vi] = [priceLineText(code, 'en'), priceLineText(code, 'vi')];
      expect(en).toMatch(/^[A-Z]/);
      expect(vi).toMatch(/^\p{Lu}/u);
      expect(vi).not.toBe(en);
    }
  });
});

describe('createJourney', () => {
  const address = { url: 'http://127.0.0.1:9' };
  const key = { publishableKey: 'sb_publishable_test' };

  it.each([
    ['url', key],
    ['url', { ...key, url: '' }],
    ['publishableKey', address],
    ['publishableKey', { ...address, publishableKey: undefined }],
    ['url and publishableKey', {}],
    ['supabase', { supabase: undefined }],
  ])('says that %s is missing, for %j', (missing, given) => {
    // What an app passes whose settings are not set, which types cannot see.
    const options = given as Parameters<typeof createJourney>[0];
    expect(() => createJourney(options)).toThrow(
      new TypeError(
        `createJourney needs ${missing}: not given, or empty. Is the setting of your app that holds it set?`,
      ),
    );
  });

  it('refuses a secret key', () => {
    expect(() => createJourney({ ...address, publishableKey: 'sb_secret_test' })).toThrow(/secret key/);
    expect(createJourney({ ...address, ...key }).supabase).toBeDefined();
  });
});

describe('instants and periods', () => {
  it('reads what PostgreSQL writes', () => {
    const period = parsePeriod('["2026-03-01 02:00:00+00","2026-03-02 09:30:00.5+07")');
    expect(period.startsAt?.toISOString()).toBe('2026-03-01T02:00:00.000Z');
    expect(period.endsAt?.toISOString()).toBe('2026-03-02T02:30:00.500Z');
    expect(parsePeriod('["2026-03-01 02:00:00+00",)').endsAt).toBeNull();
  });

  it('refuses text that is not a range or not an instant', () => {
    expect(() => parsePeriod('2026-03-01')).toThrow(TypeError);
    expect(() => toTimestamp('2026-03-01')).toThrow(TypeError);
    expect(() => toTimestamp('2026-03-01T10:00:00')).toThrow(TypeError);
    expect(() => toTimestamp(new Date('x'))).toThrow(TypeError);
    expect(toTimestamp('2026-03-01T10:00+07:00')).toBe('2026-03-01T03:00:00.000Z');
    expect(toTimestamp('2026-03-01 10:00:00+07')).toBe('2026-03-01T03:00:00.000Z');
  });
});

describe('what is generated', () => {
  it('has a text in both languages for every code', () => {
    for (const code of Object.keys(errorCatalog)) {
      expect(isErrorCode(code)).toBe(true);
      if (isErrorCode(code)) expect(errorText({ code }, 'vi')).not.toBe(errorText({ code }, 'en'));
    }
    expect(isErrorCode('toString')).toBe(false);
    expect(errorText({ code: 'network' }, 'vi')).toContain('máy chủ');
  });

  it('knows which moves a state allows', () => {
    expect(canMove('booking', 'confirmed', 'cancel')).toBe(true);
    expect(canMove('booking', 'completed', 'cancel')).toBe(false);
  });
});
