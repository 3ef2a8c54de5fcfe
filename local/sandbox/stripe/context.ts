import type { Courier } from '../delivery.ts';
import type { StripeStore } from './store.ts';

/** What the parts of the Stripe sandbox share. */
export interface StripeContext {
  secretKey: string;
  webhookSecret: string;
  store: StripeStore;
  /** Where the sandbox itself is reached. */
  baseUrl(): string;
  /** Where events go; Stripe is told in its dashboard. */
  webhookUrl(): string;
  /** Before an event is sent a second time; every further pause is twice as long. */
  retryMs: number;
  notifyTimeoutMs: number;
  /** Deliveries that may still be going on. */
  couriers: Set<Courier>;
  /** How long after a read the next one is refused; Stripe's own limit is far away. */
  throttleMs: number;
  lastReadAt: number;
  /** How long a refund is pending. */
  stepMs: number;
}

/** Seconds, as Stripe's times are. */
export function seconds(instant: number = Date.now()): number {
  return Math.floor(instant / 1000);
}
