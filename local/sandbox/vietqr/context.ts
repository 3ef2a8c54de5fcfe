import type { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { BankStore } from './store.ts';

/** What the parts of the bank and its feed share. */
export interface VietqrContext {
  merchant: SandboxMerchants['vietqr'];
  store: BankStore;
  /** Where notifications go. SePay learns it on its pages. */
  webhookUrl(): string;
  /** The wait between two calls, instead of SePay's own. */
  retryMs: number | undefined;
  notifyTimeoutMs: number;
  /** In this time only three lists are answered; 0 means no limit. SePay's is a second. */
  throttleMs: number;
  /** The times of recent list requests. */
  askedAt: number[];
  /** One for each notification that is being sent. */
  couriers: Set<Courier>;
}

const sevenHours = 7 * 3_600_000;

/** `yyyy-MM-dd HH:mm:ss` in Vietnam. */
export function bankTime(instant: number): string {
  return new Date(instant + sevenHours).toISOString().slice(0, 19).replace('T', ' ');
}

/** The code that SePay finds in a message when it is set to J and 14 digits. */
export function codeOf(content: string): string | null {
  return /J\d{14}/i.exec(content)?.[0].toUpperCase() ?? null;
}
