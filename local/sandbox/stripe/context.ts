import type { Courier } from '../delivery.ts';
import type { StripeStore } from './store.ts';

/** What the parts of the Stripe sandbox share. */
export interface StripeContext {
  secretKey: string;
  webhookSecret: string;
  store: StripeStore;
  /** The address of the sandbox. */
  baseUrl(): string;
  /** Where events go. Stripe learns it in its dashboard. */
  webhookUrl(): string;
  /** The wait before an event is sent a second time. Every further wait is twice as long. */
  retryMs: number;
  notifyTimeoutMs: number;
  /** Deliveries that may still be running. */
  couriers: Set<Courier>;
  /** How long after a read the next one is refused. Stripe's own limit is far higher. */
  throttleMs: number;
  lastReadAt: number;
  /** How long a refund is pending. */
  stepMs: number;
}

/** Seconds, as in Stripe's times. */
export function seconds(instant: number = Date.now()): number {
  return Math.floor(instant / 1000);
}
