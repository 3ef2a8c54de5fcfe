import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';

/** What a person or a test may do on the pay page. */
export const outcomes = ['success', 'cancel', 'insufficient_funds', 'expire', 'pending'] as const;
export type Outcome = (typeof outcomes)[number];

/** Money that came in for an order. */
export interface Incoming {
  /** The bank's id. */
  reference: string;
  amount: number;
  /** Wall clock of GMT+7. */
  at: string;
}

/** A payment link, as the sandbox stores it. */
export interface Link {
  id: string;
  orderCode: number;
  amount: number;
  /** With the bank's own prefix. */
  description: string;
  accountNumber: string;
  returnUrl: string;
  cancelUrl: string;
  /** Seconds since 1970. */
  expiredAt: number;
  createdAt: string;
  canceledAt: string | null;
  cancellationReason: string | null;
  /** True while a transfer is on its way. */
  processing: boolean;
  /** True when it has expired, whatever the clock says. */
  expired: boolean;
  incoming: Incoming[];
  notifications: SentNotification[];
}

export type Verdict = 'pay' | 'reject';

/** An order to send money to a bank account. */
export interface Payout {
  id: string;
  transferId: string;
  idempotencyKey: string;
  referenceId: string;
  amount: number;
  description: string;
  toBin: string;
  toAccountNumber: string;
  category: string[] | null;
  orderedAt: number;
  /** How it ended, once it has. */
  ended: 'SUCCEEDED' | 'FAILED' | null;
}

interface StoredState {
  next: number;
  links: Link[];
  payouts: Payout[];
  verdicts: [string, Verdict][];
  balance: number;
}

/** Links and payouts. They are kept in a file when a folder is given. */
export class PayosStore {
  /** By order code. */
  readonly links = new Map<number, Link>();
  readonly payouts: Payout[] = [];
  /** How the bank will end payouts, by our reference. */
  readonly verdicts = new Map<string, Verdict>();
  /** The balance, in VND, of the account that payouts leave from. */
  balance = 1_000_000_000;
  #next = 23_040_001;
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'payos');
    const state = this.#file.load();
    if (state === null) return;
    this.#next = state.next;
    this.balance = state.balance;
    this.payouts.push(...state.payouts);
    for (const link of state.links) this.links.set(link.orderCode, link);
    for (const [reference, verdict] of state.verdicts) this.verdicts.set(reference, verdict);
  }

  /** A number that was never used before. */
  nextNumber(): number {
    this.#next += 1;
    return this.#next;
  }

  save(): void {
    this.#file.save({
      next: this.#next,
      links: [...this.links.values()],
      payouts: this.payouts,
      verdicts: [...this.verdicts],
      balance: this.balance,
    });
  }
}
