import { SandboxError } from '../answers.ts';
import type { NotifyPlan } from '../delivery.ts';
import { isoClock, type PayosContext, wallClock } from './context.ts';
import { checkoutUrl, paidOf, statusOf } from './links.ts';
import type { Incoming, Link, Outcome } from './store.ts';
import { notify } from './webhook.ts';

/** What the payer does, and how the project is notified. */
export interface Payment {
  outcome: Outcome;
  /** The amount to transfer. Without it: what is still missing. */
  amount: number | undefined;
  /** Also when the link has ended, because the QR code may be scanned later, or twice. */
  again: boolean;
  plan: NotifyPlan;
}

/** The address that the payer's browser goes to. Nothing in it is signed. */
export function returnAddress(link: Link, context: PayosContext): string {
  const status = statusOf(link);
  if (status === 'PENDING' || status === 'UNDERPAID') return checkoutUrl(link, context);
  const cancelled = status === 'CANCELLED' || status === 'EXPIRED';
  const base = cancelled ? link.cancelUrl : link.returnUrl;
  const query = new URLSearchParams({
    ...{ code: '00', id: link.id, cancel: String(cancelled), status, orderCode: String(link.orderCode) },
  });
  return `${base}${base.includes('?') ? '&' : '?'}${query}`;
}

/** Does what the payer chose, notifies when money came in, and answers the address that the browser goes to. */
export async function pay(link: Link, payment: Payment, context: PayosContext): Promise<string> {
  const { outcome, amount, again, plan } = payment;
  const status = statusOf(link);
  const open = status === 'PENDING' || status === 'UNDERPAID';
  if (!open && !again) throw new SandboxError('104', `order ${link.orderCode} is ${status}`);
  switch (outcome) {
    case 'cancel':
      link.canceledAt = isoClock();
      link.cancellationReason = 'Khách hàng hủy';
      break;
    case 'expire':
      link.expired = true;
      break;
    case 'pending':
      link.processing = true;
      break;
    case 'insufficient_funds':
      // the payer's bank refuses, and PayOS does not learn of it
      link.processing = false;
      break;
    case 'success': {
      const missing = link.amount - paidOf(link);
      const sum = amount ?? (missing > 0 ? missing : link.amount);
      if (!Number.isInteger(sum) || sum < 1) throw new SandboxError('20', 'amount must be a whole number');
      const incoming: Incoming = {
        reference: `FT${context.store.nextNumber()}`,
        amount: sum,
        at: wallClock(),
      };
      link.processing = false;
      link.incoming.push(incoming);
      context.store.save();
      await notify(link, incoming, plan, context);
      break;
    }
  }
  context.store.save();
  return returnAddress(link, context);
}
