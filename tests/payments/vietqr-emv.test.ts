import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as bank from '../../local/sandbox/vietqr/emv.ts';
import {
  buildTransferQr,
  crc16,
  parseTransferQr,
  type TransferQr,
} from '../../supabase/functions/_shared/payments/vietqr/emv.ts';

const account: TransferQr = {
  bankBin: '970403',
  number: '0011012345678',
  toCard: false,
  amount: null,
  billNumber: null,
  purpose: null,
};
const card = { ...account, number: '9704031101234567', toCard: true };
const order = { amount: 180_000, billNumber: 'NPS6869', purpose: 'thanh toan don hang' };

// NAPAS, QR Format T&C 1.5.2, 6.1.1 to 6.1.4, as the tests of several public libraries quote them. The first is
// printed with a misprint, see below.
const corrected =
  '00020101021138570010A00000072701270006970403011300110123456780208QRIBFTTA53037045802VN63049E6F';
const printed: [string, TransferQr, string][] = [
  ['6.1.1, corrected: to an account, any amount', account, corrected],
  [
    '6.1.2: to a card, any amount',
    card,
    '00020101021138600010A00000072701300006970403011697040311012345670208QRIBFTTC53037045802VN63044F52',
  ],
  [
    '6.1.3: to an account, with amount, bill and purpose',
    { ...account, ...order },
    '00020101021238570010A00000072701270006970403011300110123456780208QRIBFTTA530370454061800005802VN62340107NPS68690819thanh toan don hang63042E2E',
  ],
  [
    '6.1.4: to a card, with amount, bill and purpose',
    { ...card, ...order },
    '00020101021238600010A00000072701300006970403011697040311012345670208QRIBFTTC530370454061800005802VN62340107NPS68690819thanh toan don hang6304A203',
  ],
  [
    'the example of the library subiz/vietqr',
    {
      ...account,
      bankBin: '970415',
      number: '0011001932418',
      amount: 120_000,
      purpose: 'ung ho lu lut',
    },
    '00020101021238570010A00000072701270006970415011300110019324180208QRIBFTTA530370454061200005802VN62170813ung ho lu lut6304C15C',
  ],
];

describe('the checksum', () => {
  it('is CRC-16/CCITT-FALSE, whose check value is 29B1', () => {
    expect(crc16('123456789')).toBe('29B1');
    expect(bank.checksum(Buffer.from('123456789'))).toBe(0x29b1);
  });

  it('is four digits, however small', () => {
    const small = Array.from({ length: 500 }, (_, i) => crc16(String(i)));
    expect(small.every((crc) => /^[0-9A-F]{4}$/.test(crc))).toBe(true);
    expect(small.some((crc) => crc.startsWith('0'))).toBe(true);
  });
});

describe('a transfer QR', () => {
  it.each(printed)('is written and read as in %s', (_what, qr, payload) => {
    expect(buildTransferQr(qr)).toBe(payload);
    expect(parseTransferQr(payload)).toEqual(qr);
  });

  it('is refused as NAPAS misprinted it in 6.1.1, though the checksum is of the misprint', () => {
    const misprint = corrected.replace('01130011012345678', '01120011012345678').replace('9E6F', 'F4E5');
    expect(crc16(misprint.slice(0, -4))).toBe('F4E5');
    expect(parseTransferQr(misprint)).toBeNull();
    expect(() => bank.scan(misprint)).toThrow('malformed');
  });

  it('is read with a checksum in lower case', () => {
    expect(parseTransferQr(corrected.replace('9E6F', '9e6f'))).toEqual(account);
  });

  it('comes back whole from our own reader and from the bank of the sandbox, whatever it says', () => {
    const text = fc.stringMatching(/^[A-Z0-9 ]{1,25}$/);
    const any = fc.record({
      bankBin: fc.stringMatching(/^\d{6}$/),
      number: fc.stringMatching(/^[A-Za-z0-9]{1,19}$/),
      toCard: fc.constant(false),
      amount: fc.option(fc.integer({ min: 1, max: 9_999_999_999 })),
      billNumber: fc.option(text),
      purpose: fc.option(text),
    });
    fc.assert(
      fc.property(any, (qr) => {
        const payload = buildTransferQr(qr);
        expect(parseTransferQr(payload)).toEqual(qr);
        expect(bank.scan(payload)).toEqual({
          bankBin: qr.bankBin,
          accountNumber: qr.number,
          amount: qr.amount,
          message: qr.purpose ?? '',
        });
      }),
    );
  });

  it('cannot be written with what the format does not carry', () => {
    expect(() => buildTransferQr({ ...account, purpose: 'x'.repeat(100) })).toThrow('field 08');
    expect(() => buildTransferQr({ ...account, purpose: 'đơn hàng' })).toThrow('field 08');
    expect(() => buildTransferQr({ ...account, purpose: '' })).toThrow('field 08');
    expect(() => buildTransferQr({ ...account, number: '1'.repeat(90) })).toThrow('field 01');
    const full = { ...account, billNumber: 'x'.repeat(60), purpose: 'y'.repeat(60) };
    expect(() => buildTransferQr(full)).toThrow('field 62');
  });
});

describe('reading', () => {
  const [, , payload] = printed[2] ?? ['', account, ''];
  const sealed = (text: string): string => text + crc16(text);

  it('refuses a payload with any character changed or dropped', () => {
    for (let at = 0; at < payload.length; at += 1) {
      const other = payload[at] === '0' ? '1' : '0';
      expect(parseTransferQr(payload.slice(0, at) + other + payload.slice(at + 1))).toBeNull();
      expect(parseTransferQr(payload.slice(0, at) + payload.slice(at + 1))).toBeNull();
    }
  });

  it.each([
    ['another currency', '5303704', '5303840'],
    ['another country', '5802VN', '5802KH'],
    ['another scheme', 'A000000727', 'A000000728'],
    ['another service', 'QRIBFTTA', 'QRPUSHXX'],
    ['an amount with decimals', '5406180000', '54061800.0'],
    ['an amount of nothing', '5406180000', '5406000000'],
    ['a bank that is no number', '0006970403', '000697040X'],
    ['another version of the format', '000201', '000202'],
    ['another way of beginning', '010212', '010213'],
    ['a field that comes twice', '5802VN', '5802VN5802VN'],
    ['an empty field', '5802VN', '5802VN5900'],
    ['a field after the checksum', '6304', '6304ABCD5802VN6304'],
  ])('refuses %s with a right checksum', (_what, from, to) => {
    const text = payload.slice(0, -4);
    expect(text).toContain(from);
    expect(parseTransferQr(sealed(text.replace(from, to)))).toBeNull();
    // the same hand, with nothing changed, is read
    expect(parseTransferQr(sealed(text))).not.toBeNull();
  });

  it('refuses a checksum that only looks as if it were at the end', () => {
    const text = payload.slice(0, -8);
    // the last eight characters are the value of a field 59
    expect(parseTransferQr(sealed(`${text}6304ABCD59086304`))).toBeNull();
    expect(parseTransferQr(sealed(`${text}59086304ABCD6304`))).not.toBeNull();
  });

  it('keeps fields that others add', () => {
    const text = payload.slice(0, -4).replace('5802VN', '5802VN5915NGUYEN HUU HUAN6005HANOI');
    expect(parseTransferQr(sealed(text))).toMatchObject({ amount: 180_000 });
  });

  it('never throws, and reads nothing in noise', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789A'), maxLength: 60 });
    const noise = fc.oneof(
      fc.string({ unit: 'binary-ascii' }),
      digits.map((text) => `000201${text}`),
    );
    fc.assert(
      fc.property(noise, (text) => {
        expect(parseTransferQr(text)).toBeNull();
        expect(parseTransferQr(sealed(`${text}6304`))).toBeNull();
      }),
    );
  });
});
