import type { NotifyPlan } from '../delivery.ts';
import { messageOf } from './codes.ts';
import type { MomoContext } from './context.ts';
import { hmac, type Message, resultText } from './sign.ts';
import type { Order } from './store.ts';

/** The fields of notification and return address, without the signature. */
export function resultOf(order: Order, code: number, context: MomoContext): Message {
  return {
    partnerCode: context.merchant.partnerCode,
    orderId: order.orderId,
    requestId: order.requestId,
    amount: order.amount,
    orderInfo: order.orderInfo,
    orderType: 'momo_wallet',
    // when no money moved, MoMo writes a time stamp
    transId: order.transId === 0 ? order.lastUpdated - 11 : order.transId,
    resultCode: code,
    message: messageOf(code, order.lang),
    payType: order.payType,
    responseTime: order.lastUpdated,
    extraData: order.extraData,
  };
}

function ipnBody(order: Order, plan: NotifyPlan, context: MomoContext): string {
  const result = resultOf(order, order.resultCode, context);
  if (plan.wrongAmount) result.amount = order.amount - 1_000;
  if (plan.foreignMerchant) result.partnerCode = 'FOREIGN1';
  const { secretKey } = context.merchant;
  const signature = hmac(
    plan.wrongSecret ? `${secretKey}X` : secretKey,
    resultText(context.merchant, result),
  );
  if (plan.tamper) result.amount = order.amount - 1_000;
  // unsigned fields stand beside the signed ones
  return JSON.stringify({ ...result, paymentOption: 'momo', userFee: 0, promotionInfo: null, signature });
}

/**
 * Notifies the project. MoMo accepts only 204. Resolves after the first call was answered, or at once when the
 * plan does not wait.
 */
export function notify(order: Order, plan: NotifyPlan, context: MomoContext): Promise<void> {
  const init = {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: ipnBody(order, plan, context),
  };
  return context.courier.deliver(async () => {
    const answer = await context.courier.call(order.ipnUrl, init, order.notifications);
    context.store.save();
    return answer?.status === 204;
  }, plan);
}
