import type { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { BankStore } from './store.ts';

/** What the parts of the bank and its feed share. */
export interface VietqrContext {
  merchant: SandboxMerchants['vietqr'];
  store: BankStore;
  /** Where notifications go; SePay is told on its pages. */
  webhookUrl(): string;
  /** Between two calls, instead of SePay's own pauses. */
  retryMs: number | undefined;
  notifyTimeoutMs: number;
  /** In this time three lists are answered, and no more; 0 answers all. SePay's is a second. */
  throttleMs: number;
  /** When lists were asked for, of late. */
  askedAt: number[];
  /** One for each notification under way. */
  couriers: Set<Courier>;
}

const sevenHours = 7 * 3_600_000;

/** `yyyy-MM-dd HH:mm:ss` in Vietnam. */
export function bankTime(instant: number): string {
  return new Date(instant + sevenHours).toISOString().slice(0, 19).replace('T', ' ');
}

/** What SePay reads out of a message where it was told that codes are J and 14 digits. */
export function codeOf(content: string): string | null {
  return /J\d{14}/i.exec(content)?.[0].toUpperCase() ?? null;
}
