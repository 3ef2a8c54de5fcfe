import type { NotifyPlan } from '../delivery.ts';
import type { ZalopayContext } from './context.ts';
import { hmac } from './sign.ts';
import type { Order } from './store.ts';

const wrongBy = 1_000;

function bodyOf(order: Order, plan: NotifyPlan, context: ZalopayContext): string {
  const data = JSON.stringify({
    app_id: plan.foreignMerchant ? Number(context.appId) + 1 : Number(context.appId),
    app_trans_id: order.appTransId,
    app_time: order.appTime,
    app_user: order.appUser,
    amount: plan.wrongAmount ? order.amount - wrongBy : order.amount,
    embed_data: order.embedData,
    item: order.item,
    zp_trans_id: Number(order.zpTransId),
    server_time: order.paidAt,
    channel: 38,
    merchant_user_id: '7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc',
    zp_user_id: '7ZMSl3nEg5sOUJzOLSoUFT8xKNQVaLOLXHB--8Eytqc',
    user_fee_amount: 0,
    discount_amount: 0,
  });
  const mac = hmac(plan.wrongSecret ? `${context.key2}X` : context.key2, data);
  const sent = plan.tamper
    ? data.replace(`"amount":${order.amount}`, `"amount":${order.amount - wrongBy}`)
    : data;
  return JSON.stringify({ data: sent, mac, type: 1 });
}

// The guides disagree on whether 2 is called again; they agree on 0.
function isContent(body: string): boolean {
  try {
    const answer: unknown = JSON.parse(body);
    if (typeof answer !== 'object' || answer === null || !('return_code' in answer)) return false;
    return typeof answer.return_code === 'number' && answer.return_code !== 0;
  } catch {
    return false;
  }
}

/**
 * Notifies the project that an order was paid. ZaloPay notifies of nothing else. Resolves after the first call
 * was answered, or at once when the plan does not wait.
 */
export function notify(order: Order, plan: NotifyPlan, context: ZalopayContext): Promise<void> {
  const body = bodyOf(order, plan, context);
  return context.courier.deliver(async () => {
    const answer = await context.courier.call(
      order.callbackUrl,
      { method: 'POST', headers: { 'content-type': 'application/json' }, body },
      order.notifications,
    );
    context.store.save();
    return answer?.status === 200 && isContent(answer.body);
  }, plan);
}
