import type { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { PayosStore } from './store.ts';

/** What the parts of the PayOS sandbox share. */
export interface PayosContext {
  merchant: SandboxMerchants['payos'];
  payout: SandboxMerchants['payosPayout'];
  store: PayosStore;
  courier: Courier;
  /** The address of this sandbox. */
  baseUrl(): string;
  /** Where notifications go. */
  webhookUrl(): string;
  /** Registered with /confirm-webhook, used instead of the address above. Forgotten after a restart. */
  registeredUrl: string | null;
  /** How long a payout stays in each of its states. */
  stepMs: number;
}

/** The bank account that receives the money, in the words of the bank and of its holder. */
export const account = { bin: '970422', name: 'CONG TY JOURNEY SANDBOX' };

/** `yyyy-MM-dd HH:mm:ss`, local time of GMT+7. */
export function wallClock(instant: number = Date.now()): string {
  return new Date(instant + 7 * 3_600_000).toISOString().slice(0, 19).replace('T', ' ');
}

/** `yyyy-MM-ddTHH:mm:ss+07:00`. */
export function isoClock(instant: number = Date.now()): string {
  return `${wallClock(instant).replace(' ', 'T')}+07:00`;
}
