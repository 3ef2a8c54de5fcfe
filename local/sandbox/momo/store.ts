import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';
import type { Outcome } from './codes.ts';

export interface Refund {
  orderId: string;
  amount: number;
  transId: number;
  orderedAt: number;
  /** How it will end; decided beforehand or later. */
  verdict: 'pay' | 'reject';
}

/** An order, as the sandbox stores it. */
export interface Order {
  orderId: string;
  requestId: string;
  amount: number;
  orderInfo: string;
  redirectUrl: string;
  ipnUrl: string;
  extraData: string;
  lang: string;
  createdAt: number;
  state: 'open' | 'pending' | 'done';
  outcome: Outcome | null;
  resultCode: number;
  /** 0 until money moved. */
  transId: number;
  payType: string;
  lastUpdated: number;
  notifications: SentNotification[];
  refunds: Refund[];
  /** How later refunds will end. */
  refundVerdict: 'pay' | 'reject';
}

/** A request remembered by its id. */
export interface Remembered {
  /** The signed text, which tells a repeat from another request with the same id. */
  text: string;
  /** The answer to a repeat; null when MoMo refuses repeats. */
  answer: Record<string, unknown> | null;
}

interface StoredState {
  nextNumber: number;
  orders: Order[];
  requests: [string, Remembered][];
}

/** Orders by id, and request ids already used. They are kept in a file when a folder is given. */
export class MomoStore {
  readonly orders = new Map<string, Order>();
  readonly requests = new Map<string, Remembered>();
  #nextNumber = 4_100_000_001;
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'momo');
    const state = this.#file.load();
    if (state === null) return;
    this.#nextNumber = state.nextNumber;
    for (const order of state.orders) this.orders.set(order.orderId, order);
    for (const [id, request] of state.requests) this.requests.set(id, request);
  }

  /** A new number, as MoMo gives them to payments and refunds. */
  nextTransId(): number {
    this.#nextNumber += 1;
    return this.#nextNumber;
  }

  /** Whether a payment or a refund used this order id. */
  isUsed(orderId: string): boolean {
    if (this.orders.has(orderId)) return true;
    return [...this.orders.values()].some(({ refunds }) => refunds.some((one) => one.orderId === orderId));
  }

  save(): void {
    this.#file.save({
      nextNumber: this.#nextNumber,
      orders: [...this.orders.values()],
      requests: [...this.requests],
    });
  }
}
