import { randomBytes } from 'node:crypto';
import type { SentNotification } from '../delivery.ts';
import { StateFile } from '../state-file.ts';

/** What a person or a test may do on the pay page, or afterwards. */
export const outcomes = ['success', 'cancel', 'insufficient_funds', 'expire', 'pending', 'dispute'] as const;
export type Outcome = (typeof outcomes)[number];

/** A payment. It begins when the payer first tries to pay. */
export interface Intent {
  id: string;
  charge: string;
  status: 'requires_payment_method' | 'processing' | 'succeeded' | 'canceled';
}

export interface Refund {
  id: string;
  amount: number;
  status: 'pending' | 'succeeded' | 'failed';
  /** How the bank will end it. */
  verdict: 'pay' | 'reject';
  reason: string | null;
  metadata: Record<string, string>;
  orderedAt: number;
}

/** An event, equal in every delivery. */
export interface StoredEvent {
  id: string;
  type: string;
  /** Seconds. */
  created: number;
  object: Record<string, unknown>;
}

/** A Checkout Session with everything that followed from it. Times are seconds, as Stripe's. */
export interface Session {
  id: string;
  reference: string | null;
  amount: number;
  currency: string;
  product: string;
  metadata: Record<string, string>;
  intentMetadata: Record<string, string>;
  successUrl: string;
  cancelUrl: string | null;
  locale: string | null;
  created: number;
  expiresAt: number;
  status: 'open' | 'complete' | 'expired';
  paymentStatus: 'paid' | 'unpaid';
  intent: Intent | null;
  disputed: boolean;
  /** What the payer last chose on the page. */
  outcome: Outcome | null;
  events: StoredEvent[];
  notifications: SentNotification[];
  refunds: Refund[];
  /** How the bank will end later refunds. */
  refundVerdict: 'pay' | 'reject';
}

/** The stored answer of an idempotency key. */
export interface KeptAnswer {
  /** The path and body of the call that it answered. */
  request: string;
  status: number;
  body: string;
  at: number;
}

interface StoredState {
  sessions: Session[];
  answers: [string, KeptAnswer][];
}

/** A new id, as Stripe makes them: a prefix for its kind, and random characters. */
export function newId(prefix: string): string {
  return `${prefix}_${randomBytes(12).toString('hex')}`;
}

/** Sessions by id. They are kept in a file when a folder is given. */
export class StripeStore {
  readonly sessions = new Map<string, Session>();
  /** By idempotency key. */
  readonly answers = new Map<string, KeptAnswer>();
  readonly #file: StateFile<StoredState>;

  constructor(stateDir: string | undefined) {
    this.#file = new StateFile(stateDir, 'stripe');
    const state = this.#file.load();
    for (const session of state?.sessions ?? []) this.sessions.set(session.id, session);
    for (const [key, answer] of state?.answers ?? []) this.answers.set(key, answer);
  }

  /** The session of a payment. */
  paidWith(intent: string): Session | undefined {
    return [...this.sessions.values()].find((session) => session.intent?.id === intent);
  }

  save(): void {
    this.#file.save({ sessions: [...this.sessions.values()], answers: [...this.answers] });
  }
}
