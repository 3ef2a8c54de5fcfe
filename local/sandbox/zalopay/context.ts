import type { Courier } from '../delivery.ts';
import type { ZalopayStore } from './store.ts';

/** What the parts of the ZaloPay sandbox share. */
export interface ZalopayContext {
  appId: string;
  key1: string;
  key2: string;
  store: ZalopayStore;
  courier: Courier;
  /** The address of this sandbox. */
  baseUrl(): string;
  /** The webhook address of an order that names none. */
  defaultCallbackUrl(): string;
  /** How long after a query about an order the next one is refused with -429. */
  throttleMs: number;
  /** How long an accepted refund is in process. */
  stepMs: number;
  /** The time of the last query about each order. */
  lastQueryAt: Map<string, number>;
}
