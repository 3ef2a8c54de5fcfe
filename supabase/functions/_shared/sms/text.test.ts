import { describe, expect, it } from 'vitest';
import { smsText } from './text.ts';

describe('a text by SMS', () => {
  it('has no diacritics and no typographic marks, so that it fits the alphabet of phones', () => {
    expect(smsText('Chủ xe đã nhận đơn – “Đà Nẵng”…')).toEqual({
      text: 'Chu xe da nhan don - "Da Nang"...',
      unicode: false,
      segments: 1,
    });
  });

  it('loses symbols that would double its price, and keeps letters of other scripts', () => {
    expect(smsText('Vios 🚗 2023')).toMatchObject({ text: 'Vios 2023', unicode: false });
    expect(smsText('Paid 1.500.000 VND [ok]')).toMatchObject({ text: 'Paid 1.500.000 VND [ok]' });
    expect(smsText('Pay ₫1,500,000.').text).toBe('Pay VND 1,500,000.');
    expect(smsText('Trả 1.500.000\u00a0₫.').text).toBe('Tra 1.500.000 VND.');
    expect(smsText('张伟')).toEqual({ text: '张伟', unicode: true, segments: 1 });
  });

  it('counts messages as operators do, for both alphabets', () => {
    const segments = (text: string) => smsText(text).segments;
    expect([160, 161, 306, 307, 459].map((length) => segments('a'.repeat(length)))).toEqual([1, 2, 2, 3, 3]);
    // a bracket takes two places
    expect([80, 81].map((length) => segments('['.repeat(length)))).toEqual([1, 2]);
    expect([70, 71, 134, 135, 201].map((length) => segments('张'.repeat(length)))).toEqual([1, 2, 2, 3, 3]);
  });

  it('is cut after three messages', () => {
    for (const char of ['a', '[', '张']) {
      const { text, segments } = smsText(char.repeat(1000));
      expect(segments).toBe(3);
      expect(text.endsWith('...')).toBe(true);
      expect(smsText(text).segments).toBe(3);
    }
  });

  it('has no link that a phone could open', () => {
    for (const [typed, sent] of [
      ['see https://evil.example/a', 'see https: //evil. example/a'],
      ['www.evil.vn', 'www. evil. vn'],
      ['evil.com', 'evil. com'],
      ['tên.việt.vn', 'ten. viet. vn'],
      ['at 09.30', 'at 09.30'],
    ] as const) {
      expect(smsText(typed).text).toBe(sent);
    }
  });
});
