import type { Courier } from '../delivery.ts';
import type { SandboxMerchants } from '../merchants.ts';
import type { MomoStore } from './store.ts';

/** The calls of MoMo's API that the sandbox plays. */
export const calls = ['create', 'query', 'refund'] as const;
export type Call = (typeof calls)[number];

/** The fault of the next call: a result code instead of its work, or a lost answer. */
export type Fault = number | 'lost';

/** What the parts of the MoMo sandbox share. */
export interface MomoContext {
  merchant: SandboxMerchants['momo'];
  store: MomoStore;
  courier: Courier;
  baseUrl(): string;
  /** How long a pay page lives. MoMo sets it per merchant. */
  lifeMs: number;
  /** How long an accepted refund stays in process. */
  stepMs: number;
  /** Whether a repeated request is answered as before, or refused with 40. */
  replay: 'answer' | 'refuse';
  /** The fault of the next call of each kind, used once. */
  faults: Map<Call, Fault>;
}
