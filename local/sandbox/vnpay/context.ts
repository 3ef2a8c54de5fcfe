import type { Courier } from '../delivery.ts';
import type { VnpayStore } from './store.ts';

/** What the parts of the VNPay sandbox share. */
export interface VnpayContext {
  tmnCode: string;
  hashSecret: string;
  store: VnpayStore;
  courier: Courier;
  /** Where notifications go. VNPay learns it at onboarding. */
  ipnUrl(): string;
  /** How long after a querydr the next one of the same terminal is refused with 94. */
  throttleMs: number;
  /** How long an accepted refund takes to reach each of its next states. */
  stepMs: number;
  /** When the terminal made its last query. */
  lastQueryAt: number;
}
