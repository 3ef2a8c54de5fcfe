import { SandboxError } from '../answers.ts';
import type { NotifyPlan } from '../delivery.ts';
import { notify } from './callback.ts';
import { dayOf } from './clock.ts';
import type { ZalopayContext } from './context.ts';
import { hmac, returnText } from './sign.ts';
import type { Order, Outcome } from './store.ts';

const notEnough = -63;

/**
 * Does what the payer chose with an order, and answers the address that the payer's browser goes to. With
 * `again`, an order that was begun and not paid is paid after all, even when it has expired: the money was
 * already on its way.
 */
export async function pay(
  order: Order,
  outcome: Outcome,
  plan: NotifyPlan,
  again: boolean,
  context: ZalopayContext,
): Promise<string> {
  if (order.state === 'paid') throw new SandboxError('-11', `${order.appTransId} has been paid`);
  if (!again && order.state !== 'open' && order.state !== 'left') {
    throw new SandboxError('-11', `${order.appTransId} is ${order.state}; say again to pay it after all`);
  }
  switch (outcome) {
    case 'success':
      order.state = 'paid';
      order.paidAt = Date.now();
      order.zpTransId = `${dayOf()}${String(context.store.nextNumber()).padStart(9, '0')}`;
      break;
    case 'pending':
      order.state = 'processing';
      break;
    case 'insufficient_funds':
      order.state = 'failed';
      order.subCode = notEnough;
      break;
    case 'expire':
      order.state = 'expired';
      order.expiresAt = Date.now();
      break;
    case 'cancel':
      order.state = 'left';
  }
  context.store.save();
  if (order.state === 'paid') await notify(order, plan, context);
  return returnAddress(order, context);
}

const statuses: Record<Order['state'], number> = {
  paid: 1,
  processing: 3,
  open: -49,
  left: -49,
  failed: notEnough,
  expired: -54,
};

/** The address that the payer's browser goes to, with the signed result. Empty when the merchant named none. */
export function returnAddress(order: Order, context: ZalopayContext): string {
  const embedded: unknown = JSON.parse(order.embedData);
  const named = typeof embedded === 'object' && embedded !== null && 'redirecturl' in embedded;
  if (!named) return '';
  const params: Record<string, string> = {
    amount: String(order.amount),
    appid: context.appId,
    apptransid: order.appTransId,
    bankcode: '',
    discountamount: '0',
    pmcid: order.state === 'paid' ? '38' : '0',
    status: String(statuses[order.state]),
  };
  const checksum = hmac(context.key2, returnText(params));
  const url = String(embedded.redirecturl);
  const query = new URLSearchParams({ ...params, checksum });
  return `${url}${url.includes('?') ? '&' : '?'}${query}`;
}
