import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';

/** Money in to or out of the merchant's account. */
export interface Transaction {
  /** SePay's number of the movement. */
  id: number;
  /** The bank's id. */
  bankNumber: string;
  direction: 'in' | 'out';
  /** What the payer was asked to write, or wrote. */
  reference: string;
  amount: number;
  /** The message, as the bank reports it. */
  content: string;
  /** `pending`: ordered, but not on the account yet. No notification is sent. */
  state: 'pending' | 'done';
  /** Milliseconds since 1970. */
  bookedAt: number;
  /** The balance of the account afterwards. */
  accumulated: number;
  notifications: SentNotification[];
}

interface StoredState {
  nextNumber: number;
  balance: number;
  transactions: Transaction[];
}

/** The merchant's account. It is kept in a file when a folder is given. */
export class BankStore {
  readonly transactions: Transaction[] = [];
  balance = 0;
  #nextNumber = 92_704;
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'vietqr');
    const state = this.#file.load();
    if (state === null) return;
    this.#nextNumber = state.nextNumber;
    this.balance = state.balance;
    this.transactions.push(...state.transactions);
  }

  /** A new number, as SePay gives them to transactions. */
  nextNumber(): number {
    this.#nextNumber += 1;
    return this.#nextNumber;
  }

  save(): void {
    this.#file.save({
      nextNumber: this.#nextNumber,
      balance: this.balance,
      transactions: this.transactions,
    });
  }
}
