import type { MomoContext } from './context.ts';
import type { Done } from './create.ts';
import type { Message } from './sign.ts';
import type { Order, Refund } from './store.ts';

/** The result code that an order has now. An unpaid order expires with its page. */
export function codeOf(order: Order, context: MomoContext): number {
  const over = order.state === 'open' && Date.now() - order.createdAt >= context.lifeMs;
  return over ? 1005 : order.resultCode;
}

/** The result code that a refund has now: 7002 in process, then 0 paid or 1080 failed. */
export function refundCode(refund: Refund, context: MomoContext): number {
  if (Date.now() - refund.orderedAt < context.stepMs) return 7002;
  return refund.verdict === 'reject' ? 1080 : 0;
}

/** POST /v2/gateway/api/query. The answer is not signed. */
export function queryOrder(message: Message, context: MomoContext): Done {
  const order = context.store.orders.get(String(message.orderId));
  if (!order) return { code: 42 };
  const refundTrans = order.refunds.map((refund) => ({
    orderId: refund.orderId,
    amount: refund.amount,
    resultCode: refundCode(refund, context),
    transId: refund.transId,
    createdTime: refund.orderedAt,
  }));
  const { amount, extraData, payType, transId, lastUpdated } = order;
  const more = { amount, extraData, payType, transId, refundTrans, lastUpdated, signature: null };
  return { code: codeOf(order, context), more };
}
