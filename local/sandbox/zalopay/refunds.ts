import { type Answer, answerOf, refusal } from './answer.ts';
import { clockTolerance, dayOf } from './clock.ts';
import type { ZalopayContext } from './context.ts';
import { isSigned, type Message, refundQueryText, refundText } from './sign.ts';
import type { Order, Refund } from './store.ts';

/** The state of a refund: in process for a while, then paid or rejected. */
export function refundState(refund: Refund, context: ZalopayContext): 'processing' | 'paid' | 'rejected' {
  if (Date.now() - refund.orderedAt < context.stepMs) return 'processing';
  return refund.verdict === 'pay' ? 'paid' : 'rejected';
}

function idProblem(id: string, context: ZalopayContext): Answer | null {
  const parts = /^(\d{6})_(\d+)_([A-Za-z0-9]+)$/.exec(id);
  if (!parts || id.length > 45) return refusal(-24, 'm_refund_id is malformed');
  if (parts[1] !== dayOf()) return refusal(-25, `m_refund_id must begin with ${dayOf()}`);
  return parts[2] === context.appId ? null : refusal(-26, 'm_refund_id names another app');
}

function find(id: string, context: ZalopayContext): Refund | undefined {
  return [...context.store.orders.values()].flatMap((order) => order.refunds).find((one) => one.id === id);
}

function amountProblem(amount: number, order: Order): Answer | null {
  const before = order.refunds
    .filter((refund) => refund.verdict === 'pay')
    .reduce((sum, refund) => sum + refund.amount, 0);
  const fits = Number.isSafeInteger(amount) && amount > 0 && before + amount <= order.amount;
  return fits ? null : refusal(-14, 'the amount is not what is left to refund');
}

/** POST /v2/refund. It only accepts; query_refund answers the result. */
export function orderRefund(message: Message, context: ZalopayContext): Answer {
  const value = (name: string): string => String(message[name] ?? '');
  if (value('app_id') !== context.appId) return refusal(-402, 'app_id is unknown');
  if (!isSigned(context.key1, refundText(message), message.mac)) return refusal(-402, 'mac is wrong');
  if (!/^.{1,100}$/su.test(value('description'))) return refusal(-401, 'description is malformed');
  if (Math.abs(Date.now() - Number(value('timestamp'))) > clockTolerance) {
    return refusal(-13, 'timestamp is over 15 minutes away');
  }
  const id = value('m_refund_id');
  const problem = idProblem(id, context);
  if (problem) return problem;
  const order = [...context.store.orders.values()].find(
    (one) => one.state === 'paid' && one.zpTransId === value('zp_trans_id'),
  );
  if (!order) return refusal(-101, 'zp_trans_id does not exist');
  if (find(id, context)) return refusal(-23, 'm_refund_id was used before');
  const amount = Number(value('amount'));
  const unfit = amountProblem(amount, order);
  if (unfit) return unfit;
  const refundId = Number(`${dayOf()}${String(context.store.nextNumber()).padStart(9, '0')}`);
  order.refunds.push({ id, refundId, amount, orderedAt: Date.now(), verdict: order.refundVerdict });
  context.store.save();
  return answerOf(3, 2, 'Giao dịch đang được hoàn tiền', { refund_id: refundId });
}

/** POST /v2/query_refund. */
export function queryRefund(message: Message, context: ZalopayContext): Answer {
  if (String(message.app_id) !== context.appId) return refusal(-402, 'app_id is unknown');
  if (!isSigned(context.key1, refundQueryText(message), message.mac)) return refusal(-402, 'mac is wrong');
  const refund = find(String(message.m_refund_id), context);
  if (!refund) return refusal(-101, 'm_refund_id does not exist');
  const state = refundState(refund, context);
  if (state === 'processing') return answerOf(3, 2, 'Giao dịch đang được hoàn tiền');
  return state === 'paid' ? answerOf(1, 1, 'Giao dịch thành công') : refusal(0, 'Hoàn tiền thất bại');
}
