import { describe, expect, it } from 'vitest';
import { readPhone } from '../../supabase/functions/_shared/phone.ts';

describe('readPhone', () => {
  it('reads every way to write one Vietnamese number as the same number', () => {
    const ways = [
      '0912345678',
      '0912 345 678',
      '0912.345.678',
      '(091) 234-5678',
      '+84912345678',
      '+84 912 345 678',
      '84912345678',
      '84 912 345 678',
      '0084912345678',
      '00 84 912 345 678',
      '+84 0912345678',
      '０９１２３４５６７８',
    ];
    const read = Object.fromEntries(ways.map((way) => [way, readPhone(way)]));
    const one = { number: '+84912345678', countryCode: '84' };
    expect(read).toEqual(Object.fromEntries(ways.map((way) => [way, one])));
  });

  it('reads a number of another country with its calling code', () => {
    expect(readPhone('+1 201 555 0123')).toEqual({ number: '+12015550123', countryCode: '1' });
    expect(readPhone('+65 8123 4567')).toEqual({ number: '+6581234567', countryCode: '65' });
  });

  it('refuses what is no mobile number', () => {
    const wrong = [
      '',
      '0',
      '113',
      '+84',
      '091234567',
      '09123456789',
      '02438251234',
      'abc',
      '0912345678 ext. 5',
      '+999123456789',
    ];
    expect(wrong.filter((text) => readPhone(text) !== null)).toEqual([]);
  });
});
