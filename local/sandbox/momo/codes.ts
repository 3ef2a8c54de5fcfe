/** What a person or a test may do on the pay page. `leave` closes the page and reports nothing. */
export const outcomes = [
  'success',
  'authorized',
  'pending',
  'cancel',
  'insufficient_funds',
  'expire',
  'leave',
] as const;
export type Outcome = (typeof outcomes)[number];

/** The result code of a payment after each of them. */
export const outcomeCodes: Record<Outcome, number> = {
  success: 0,
  authorized: 9000,
  pending: 7002,
  cancel: 1006,
  insufficient_funds: 1001,
  expire: 1005,
  leave: 1000,
};

const messages: Record<number, readonly [vi: string, en: string]> = {
  0: ['Giao dịch thành công.', 'Successful.'],
  10: ['Hệ thống đang được bảo trì.', 'System is under maintenance.'],
  13: ['Xác thực doanh nghiệp thất bại.', 'Merchant authentication failed.'],
  20: ['Yêu cầu sai định dạng.', 'Bad format request.'],
  22: ['Số tiền giao dịch không hợp lệ.', 'The transaction amount is out of range.'],
  40: ['RequestId bị trùng.', 'Duplicated requestId.'],
  41: ['OrderId bị trùng.', 'Duplicated orderId.'],
  42: ['OrderId không hợp lệ hoặc không được tìm thấy.', 'Invalid orderId or orderId is not found.'],
  1000: ['Giao dịch đã được khởi tạo, chờ người dùng xác nhận.', 'Waiting for user confirmation.'],
  1001: ['Tài khoản không đủ số dư.', 'Transaction failed due to insufficient funds.'],
  1005: ['Url hoặc QR code đã hết hạn.', 'The url or QR code expired.'],
  1006: ['Giao dịch bị từ chối bởi người dùng.', 'Transaction denied by user.'],
  1080: ['Giao dịch hoàn tiền bị từ chối khi xử lý.', 'Refund attempt failed during the processing.'],
  1081: ['Giao dịch hoàn tiền bị từ chối.', 'Refund rejected. It might have been refunded.'],
  1088: ['Giao dịch gốc không được hoàn tiền.', 'The original payment is ineligible to be refunded.'],
  7000: ['Giao dịch đang được xử lý.', 'Transaction is being processed.'],
  7002: ['Đang được nhà cung cấp xử lý.', 'Being processed by the provider of the payment.'],
  9000: ['Giao dịch đã được xác nhận thành công.', 'Transaction is authorized successfully.'],
};

export function messageOf(code: number, lang: unknown): string {
  const [vi, en] = messages[code] ?? [`Mã ${code}`, `Code ${code}`];
  return lang === 'vi' ? vi : en;
}
