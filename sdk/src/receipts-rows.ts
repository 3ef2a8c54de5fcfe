import type { ReceiptsRow, Tables } from './generated/database.ts';
import type { Payable } from './payables-rows.ts';
import type { Currency, Minor, Timestamp } from './values.ts';

/** Proof of a payment, or of a refund of one. Numbers are without gaps per kind and year. */
export interface Receipt extends ReceiptsRow {
  content: ReceiptContent;
}

/** What is printed on it, as it was when it was issued. */
export interface ReceiptContent {
  number: string;
  kind: Tables['receipts']['kind'];
  issued_at: Timestamp;
  locale: Tables['profiles']['locale'];
  currency: Currency;
  total: Minor;
  /** Contained in `total`. */
  tax: Minor;
  seller: { name: string; address: string; tax_code: string };
  /** As their billing details were then; without those, the name on the profile. Empty where nothing was set. */
  buyer: { name: string; address: string; tax_code: string };
  payable: Payable;
  lines: { label: string; amount: Minor }[];
  payment: { provider: string; transaction_id: string; paid_at: Timestamp } | null;
}

declare module './core/shapes.ts' {
  interface Shapes {
    receipts: Receipt;
    receipt: Receipt | null;
  }
}
