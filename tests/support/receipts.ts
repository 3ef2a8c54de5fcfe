import { type ReceiptContent, receiptContent } from '../../supabase/functions/_shared/contracts/receipts.ts';

/** A receipt of a rental, as the database writes it. */
export function receipt(changes: Partial<ReceiptContent> = {}): ReceiptContent {
  return receiptContent.parse({
    number: 'R2026-000042',
    kind: 'receipt',
    issued_at: '2026-11-20T17:30:00+00:00',
    locale: 'en',
    currency: 'VND',
    total: 4_350_000,
    tax: 250_000,
    seller: { name: 'Journey JSC', address: '1 Tràng Tiền, Hà Nội', tax_code: '0101234567' },
    buyer: { name: 'Nguyễn Văn A', address: '', tax_code: '' },
    payable: {
      code: 'JB7K2M9Q',
      title: 'VinFast VF 8 2024',
      starts_at: '2026-11-22T02:00:00+00:00',
      ends_at: '2026-11-24T02:00:00+00:00',
    },
    lines: [
      { label: 'Rental', amount: 3_600_000 },
      { label: 'Discount', amount: -250_000 },
      { label: 'Service fee', amount: 1_000_000 },
    ],
    payment: { provider: 'zalopay', transaction_id: '261120000000042', paid_at: '2026-11-20T17:29:00+00:00' },
    ...changes,
  });
}
