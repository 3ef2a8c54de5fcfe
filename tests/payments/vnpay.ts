import type {
  Checkout,
  CheckoutInput,
  PaymentReport,
} from '../../supabase/functions/_shared/payments/provider.ts';
import { construct, type Rig } from './sandbox.ts';

/** A checkout with its link, which VNPay's always has. */
export async function vnpayLink(
  rig: Rig,
  changes?: Partial<CheckoutInput>,
): Promise<Checkout & { reference: string; redirectUrl: string }> {
  const made = await rig.checkout(changes);
  if (made.redirectUrl === null) throw new Error('VNPay made no link');
  return { ...made, redirectUrl: made.redirectUrl };
}

/** What the last notification reports of a payment. */
export async function lastReport(rig: Rig): Promise<PaymentReport> {
  const constructed = await construct(rig, rig.received.at(-1));
  if (!constructed.verified || constructed.event.kind !== 'payment') {
    throw new Error('the last notification is not about a payment');
  }
  return constructed.event.report;
}
