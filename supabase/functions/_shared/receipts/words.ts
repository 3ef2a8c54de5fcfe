/** The words of a receipt in one language. */
export interface ReceiptWords {
  title: Record<'receipt' | 'credit_note', string>;
  number: string;
  issued: string;
  seller: string;
  taxCode: string;
  buyer: string;
  buyerTaxCode: string;
  code: string;
  subject: string;
  period: string;
  details: string;
  item: string;
  amount: string;
  tax: string;
  total: Record<'receipt' | 'credit_note', string>;
  payment: string;
  transaction: string;
  paidAt: string;
  /** Why the total may be less than what was paid. */
  held: string;
  bankTransfer: string;
}

export const receiptWords: Record<'vi' | 'en', ReceiptWords> = {
  vi: {
    title: { receipt: 'Biên nhận thanh toán', credit_note: 'Biên nhận điều chỉnh' },
    number: 'Số',
    issued: 'Ngày lập',
    seller: 'Bên bán',
    taxCode: 'Mã số thuế',
    buyer: 'Khách hàng',
    buyerTaxCode: 'Mã số thuế khách hàng',
    code: 'Mã đơn',
    subject: 'Dịch vụ',
    period: 'Thời gian',
    details: 'Chi tiết',
    item: 'Nội dung',
    amount: 'Số tiền',
    tax: 'Trong đó thuế GTGT',
    total: { receipt: 'Tổng cộng', credit_note: 'Tổng tiền hoàn' },
    payment: 'Phương thức',
    transaction: 'Mã giao dịch',
    paidAt: 'Thời điểm',
    held: 'Khoản chỉ được giữ hộ, như tiền cọc, không nằm trong biên nhận.',
    bankTransfer: 'Chuyển khoản ngân hàng',
  },
  en: {
    title: { receipt: 'Receipt', credit_note: 'Credit note' },
    number: 'Number',
    issued: 'Issued',
    seller: 'Seller',
    taxCode: 'Tax code',
    buyer: 'Customer',
    buyerTaxCode: 'Tax code of the customer',
    code: 'Code',
    subject: 'For',
    period: 'Period',
    details: 'Details',
    item: 'Item',
    amount: 'Amount',
    tax: 'Of which VAT',
    total: { receipt: 'Total', credit_note: 'Total refunded' },
    payment: 'Method',
    transaction: 'Transaction',
    paidAt: 'Time',
    held: 'What is only held, such as a deposit, is not on this receipt.',
    bankTransfer: 'Bank transfer',
  },
};
