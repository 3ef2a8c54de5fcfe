import { z } from 'zod';

const instant = z.iso.datetime({ offset: true });
/** An unknown value is absent, null or empty; a reader sees no difference. */
const optionalText = z
  .string()
  .nullish()
  .transform((text) => text ?? '');

/** The content of a receipt, as it was issued. Amounts are in minor units of its currency. */
export const receiptContent = z.looseObject({
  number: z.string(),
  /** A credit note reverses a receipt, in full or in part. */
  kind: z.enum(['receipt', 'credit_note']),
  issued_at: instant,
  locale: z.enum(['vi', 'en']),
  currency: z.string().regex(/^[A-Z]{3}$/),
  total: z.int(),
  /** VAT within the total. */
  tax: z.int(),
  seller: z.looseObject({ name: z.string(), address: optionalText, tax_code: optionalText }),
  buyer: z.looseObject({ name: optionalText, address: optionalText, tax_code: optionalText }),
  payable: z.looseObject({
    code: z.string(),
    title: z.string(),
    starts_at: instant.nullable(),
    ends_at: instant.nullable(),
  }),
  lines: z.array(z.looseObject({ label: z.string(), amount: z.int() })),
  payment: z
    .looseObject({ provider: z.string(), transaction_id: optionalText, paid_at: instant.nullable() })
    .nullable(),
});
export type ReceiptContent = z.infer<typeof receiptContent>;

/** Answer of `receipt`. */
export const receiptRow = z.looseObject({ id: z.uuid(), content: receiptContent });
