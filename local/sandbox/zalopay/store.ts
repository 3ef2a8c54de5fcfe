import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';

/** What a person or a test may do on the pay page. */
export const outcomes = ['success', 'cancel', 'insufficient_funds', 'expire', 'pending'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Refund {
  /** The merchant's id, `m_refund_id`. */
  id: string;
  /** ZaloPay's id. */
  refundId: number;
  amount: number;
  orderedAt: number;
  /** How it will end. */
  verdict: 'pay' | 'reject';
}

/** An order, as the sandbox stores it. */
export interface Order {
  appTransId: string;
  /** The merchant's part of the id, after the date. */
  reference: string;
  appUser: string;
  amount: number;
  appTime: number;
  embedData: string;
  item: string;
  description: string;
  callbackUrl: string;
  expiresAt: number;
  /** The token of its pay page. */
  token: string;
  /** `left`: the payer went away, and may come back. */
  state: 'open' | 'left' | 'failed' | 'processing' | 'expired' | 'paid';
  /** The code of a failure. */
  subCode: number;
  zpTransId: string;
  paidAt: number;
  notifications: SentNotification[];
  refunds: Refund[];
  /** How later refunds will end. */
  refundVerdict: 'pay' | 'reject';
}

interface StoredState {
  nextNumber: number;
  orders: Order[];
}

/** Orders by `app_trans_id`. They are kept in a file when a folder is given. */
export class ZalopayStore {
  readonly orders = new Map<string, Order>();
  #nextNumber = 389;
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'zalopay');
    const state = this.#file.load();
    if (state === null) return;
    this.#nextNumber = state.nextNumber;
    for (const order of state.orders) this.orders.set(order.appTransId, order);
  }

  /** A new number for payments and refunds. */
  nextNumber(): number {
    this.#nextNumber += 1;
    return this.#nextNumber;
  }

  /** By the whole id, or by the merchant's part of it. */
  find(name: string): Order | undefined {
    return this.orders.get(name) ?? [...this.orders.values()].find((order) => order.reference === name);
  }

  save(): void {
    this.#file.save({ nextNumber: this.#nextNumber, orders: [...this.orders.values()] });
  }
}
