import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';

/** What a person or a test may do on the pay page. */
export const outcomes = ['success', 'cancel', 'insufficient_funds', 'expire', 'suspicious'] as const;
export type Outcome = (typeof outcomes)[number];

export interface Refund {
  transactionNo: string;
  /** 02 full, 03 part. */
  type: '02' | '03';
  /** VND × 100. */
  amount: number;
  requestId: string;
  orderedAt: number;
  /** How the bank will end it; decided beforehand or later. */
  verdict: 'pay' | 'reject';
}

/** A payment, as the sandbox stores it. */
export interface Transaction {
  txnRef: string;
  /** VND × 100. */
  amount: number;
  orderInfo: string;
  createDate: string;
  expireDate: string;
  returnUrl: string;
  /** The `vnp_` parameters of the link, to recognise the same link when it is opened again. */
  linkHash: string;
  state: 'open' | 'done';
  outcome: Outcome | null;
  transactionNo: string;
  responseCode: string;
  transactionStatus: string;
  bankCode: string;
  payDate: string;
  notifications: SentNotification[];
  refunds: Refund[];
  /** How the bank will end later refunds. */
  refundVerdict: 'pay' | 'reject';
}

interface StoredState {
  nextNumber: number;
  transactions: Transaction[];
  requestIds: string[];
}

/** Transactions by reference. They are kept in a file when a folder is given. */
export class VnpayStore {
  readonly transactions = new Map<string, Transaction>();
  /** Request ids of the merchant API already used. */
  readonly requestIds = new Set<string>();
  #nextNumber = 14_000_001;
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'vnpay');
    const state = this.#file.load();
    if (state === null) return;
    this.#nextNumber = state.nextNumber;
    for (const id of state.requestIds) this.requestIds.add(id);
    for (const transaction of state.transactions) this.transactions.set(transaction.txnRef, transaction);
  }

  /** A new number, as VNPay gives them to payments and refunds. */
  nextTransactionNo(): string {
    this.#nextNumber += 1;
    return String(this.#nextNumber);
  }

  save(): void {
    this.#file.save({
      nextNumber: this.#nextNumber,
      transactions: [...this.transactions.values()],
      requestIds: [...this.requestIds],
    });
  }
}
