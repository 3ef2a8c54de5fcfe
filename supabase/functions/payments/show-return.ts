import type { PaymentReturn } from '../_shared/payments/provider.ts';
import { isAllowedReturn } from '../_shared/payments/return-url.ts';

const texts: Record<PaymentReturn['status'], string> = {
  succeeded:
    'The payment was made. Your booking is confirmed as soon as the payment provider reports it; you can close this page.\n\nĐã thanh toán. Đơn sẽ được xác nhận ngay khi cổng thanh toán báo về; bạn có thể đóng trang này.',
  failed:
    'The payment was not made. Go back to the app to try again.\n\nThanh toán chưa thành công. Vui lòng quay lại ứng dụng để thử lại.',
  pending:
    'The payment is being processed. The app shows when it is done.\n\nGiao dịch đang được xử lý. Ứng dụng sẽ cập nhật khi hoàn tất.',
  unverified:
    'This page cannot tell how the payment went. Open the app: it asks the payment provider.\n\nTrang này không cho biết kết quả thanh toán. Vui lòng mở ứng dụng để xem.',
};

/**
 * What a payer sees after the provider's page: a redirect to the app when the app named its address, otherwise
 * a short text. It changes nothing, because anybody who has the link can open it again. It is plain text
 * because the platform serves the HTML of functions as text.
 */
export function showReturn(
  { status, reference }: PaymentReturn,
  target: string | null,
  allowed: readonly string[],
): Response {
  if (target !== null && isAllowedReturn(target, allowed)) {
    const url = new URL(target);
    url.searchParams.set('payment_status', status);
    if (reference !== null) url.searchParams.set('payment_reference', reference);
    return new Response(null, { status: 303, headers: { location: url.href } });
  }
  return new Response(texts[status], { headers: { 'content-type': 'text/plain; charset=utf-8' } });
}
