import type { MomoContext } from './context.ts';
import type { Done } from './create.ts';
import { refundCode } from './query.ts';
import type { Message } from './sign.ts';

/** POST /v2/gateway/api/refund. */
export function refundOrder(message: Message, context: MomoContext): Done {
  const { store, stepMs } = context;
  const orderId = String(message.orderId);
  const amount = Number(message.amount);
  if (!/^[1-9]\d{0,11}$/.test(String(message.amount))) return { code: 20 };
  if (amount < 1_000 || amount > 50_000_000) return { code: 22 };
  if (store.isUsed(orderId)) return { code: 41 };
  const transId = Number(message.transId);
  const order = [...store.orders.values()].find((one) => one.transId !== 0 && one.transId === transId);
  if (!order) return { code: 42 };
  if (order.resultCode !== 0 && order.resultCode !== 9000) return { code: 1088 };
  const before = order.refunds
    .filter(({ verdict }) => verdict === 'pay')
    .reduce((sum, refund) => sum + refund.amount, 0);
  if (before + amount > order.amount) return { code: 1081 };
  const made = {
    orderId,
    amount,
    transId: store.nextTransId(),
    orderedAt: Date.now(),
    verdict: order.refundVerdict,
  };
  order.refunds.push(made);
  const code = stepMs > 0 ? 7002 : refundCode(made, context);
  return { code, more: { transId: made.transId } };
}
