import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { receipt } from '../../../../tests/support/receipts.ts';
import { receiptPage } from './page.ts';

/** What a reader sees, with spaces of every kind as one. */
const textOf = (page: string): string =>
  page
    .replace(/<style>.*?<\/style>/s, '')
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ');

describe('a receipt', () => {
  it('says what was paid, to whom, for what, and when in Vietnam', () => {
    const page = receiptPage(receipt());
    const text = textOf(page);
    for (const part of [
      'R2026-000042',
      'Journey JSC',
      '0101234567',
      'Nguyễn Văn A',
      'JB7K2M9Q',
      'VinFast VF 8 2024',
      'ZaloPay',
      '261120000000042',
      // half past midnight of the next day there
      'Sat 21 Nov 2026, 00:30 (Vietnam time, GMT+7)',
      'Sun 22 Nov 2026, 09:00 to Tue 24 Nov 2026, 09:00 (Vietnam time, GMT+7)',
    ])
      expect(text).toContain(part);
    expect(text).toMatch(/Total\s*₫\s?4,350,000/);
    expect(text).toMatch(/Of which VAT\s*₫\s?250,000/);
    expect(text).toMatch(/Discount\s*-₫\s?250,000/);
    expect(page).toContain('<html lang="en">');
    expect(page).toContain('@media print');
  });

  it('is in Vietnamese for a reader of Vietnamese', () => {
    const page = receiptPage(receipt({ locale: 'vi' }));
    const text = textOf(page);
    expect(page).toContain('<html lang="vi">');
    expect(text).toContain('Biên nhận thanh toán');
    expect(text).toMatch(/Tổng cộng\s*4\.350\.000\s?₫/);
    expect(text).toContain('00:30, thứ Bảy 21 tháng 11, 2026 (giờ Việt Nam, GMT+7)');
  });

  it('says that it is a credit note when it reverses another', () => {
    const text = textOf(receiptPage(receipt({ kind: 'credit_note', number: 'C2026-000001' })));
    expect(text).toContain('Credit note C2026-000001');
    expect(text).toContain('Total refunded');
    expect(text).not.toContain('deposit');
    expect(textOf(receiptPage(receipt()))).toContain('What is only held, such as a deposit');
  });

  it('says to whom it is made out, with address and tax code', () => {
    const buyer = {
      name: 'Công ty TNHH Ánh Dương',
      address: '2 Tràng Tiền, Hà Nội',
      tax_code: '0100109106-001',
    };
    const text = textOf(receiptPage(receipt({ buyer, locale: 'vi' })));
    expect(text).toMatch(/Khách hàng\s*Công ty TNHH Ánh Dương\s*2 Tràng Tiền, Hà Nội/);
    expect(text).toMatch(/Mã số thuế khách hàng\s*0100109106-001/);
    expect(textOf(receiptPage(receipt({ buyer })))).toMatch(/Tax code of the customer\s*0100109106-001/);
  });

  it('leaves out what is unknown', () => {
    const bare = receipt({
      payable: { code: 'JB7K2M9Q', title: 'Late fee', starts_at: null, ends_at: null },
      payment: null,
      buyer: { name: '', address: '', tax_code: '' },
      seller: { name: 'Journey JSC', address: '', tax_code: '' },
    });
    const text = textOf(receiptPage(bare));
    for (const absent of ['Period', 'Method', 'Customer', 'Tax code', 'null', 'undefined'])
      expect(text).not.toContain(absent);
    const hand = receiptPage(
      receipt({ payment: { provider: 'manual', transaction_id: 'FT1', paid_at: null } }),
    );
    expect(textOf(hand)).toContain('Bank transfer');
  });

  it('names rows and columns for screen readers', () => {
    const page = receiptPage(receipt());
    expect(page).toMatch(/<caption>Details<\/caption>/);
    expect(page.match(/<th scope="col">/g)).toHaveLength(2);
    expect(page.match(/<th scope="row">/g)).toHaveLength(2);
    expect(page).toContain('<time datetime="2026-11-20T17:30:00+00:00">');
    expect(page.match(/<h1>/g)).toHaveLength(1);
  });

  it('writes no value as HTML, whatever it is', () => {
    const tags = (page: string): string[] => [...page.matchAll(/<\/?[a-z!][^>]*>/gi)].map(([tag]) => tag);
    const buyer = { name: 'A', address: 'B', tax_code: 'C' };
    const plain = tags(receiptPage(receipt({ buyer })));
    const nasty = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1 }),
      fc.constantFrom(
        '<script>alert(1)</script>',
        '"><img src=x onerror=x>',
        "' & <",
        '</style>',
        '&lt;b&gt;',
        'constructor',
      ),
    );
    fc.assert(
      fc.property(nasty, (text) => {
        const page = receiptPage(
          receipt({
            number: text,
            seller: { name: text, address: text, tax_code: text },
            buyer: { name: text, address: text, tax_code: text },
            payable: {
              code: text,
              title: text,
              starts_at: '2026-11-22T02:00:00+00:00',
              ends_at: '2026-11-24T02:00:00+00:00',
            },
            lines: ['a', 'b', 'c'].map(() => ({ label: text, amount: 1 })),
            payment: { provider: text, transaction_id: text, paid_at: '2026-11-20T17:29:00+00:00' },
          }),
        );
        expect(tags(page)).toEqual(plain);
      }),
    );
  });
});
