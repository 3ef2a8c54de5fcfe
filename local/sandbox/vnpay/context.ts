import type { VnpayStore } from './store.ts';

/** What the parts of the VNPay sandbox share. */
export interface VnpayContext {
  tmnCode: string;
  hashSecret: string;
  store: VnpayStore;
  /** Where notifications go; VNPay is told at onboarding. */
  ipnUrl(): string;
  /** Between two calls about one notification. VNPay: five minutes. */
  retryMs: number;
  /** How long a notification may take to answer. */
  ipnTimeoutMs: number;
  /** How long after a querydr the next of the same terminal is refused with 94. */
  throttleMs: number;
  /** How long an accepted refund takes to each of its next states. */
  refundStepMs: number;
  /** When the terminal last asked. */
  lastQueryAt: number;
  /** Timers to stop when the sandbox closes. */
  timers: Set<NodeJS.Timeout>;
  closed: boolean;
}
