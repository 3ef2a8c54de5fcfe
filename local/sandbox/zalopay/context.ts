import type { Courier } from '../delivery.ts';
import type { ZalopayStore } from './store.ts';

/** What the parts of the ZaloPay sandbox share. */
export interface ZalopayContext {
  appId: string;
  key1: string;
  key2: string;
  store: ZalopayStore;
  courier: Courier;
  /** Where this sandbox is reached. */
  baseUrl(): string;
  /** Where notifications go about an order that names no address. */
  defaultCallbackUrl(): string;
  /** How long after a question about an order the next one is refused with -429. */
  throttleMs: number;
  /** How long an accepted refund is being processed. */
  stepMs: number;
  /** When each order was last asked about. */
  lastQueryAt: Map<string, number>;
}
