import type { SandboxAnswer, SandboxRequest } from './answers.ts';

/** What every provider of the sandbox receives. */
export interface SandboxCommon {
  /** The folder that keeps state over restarts. Without it, state lives in memory. */
  stateDir: string | undefined;
  /** The address of the sandbox, such as `http://127.0.0.1:54325`. */
  baseUrl(): string;
  /** The webhook address, for providers that learn it at onboarding. */
  webhookUrl(provider: string): string;
  /** The wait between two calls about one notification, instead of the provider's own. */
  retryMs: number | undefined;
  /** How long a notification may take to answer. */
  notifyTimeoutMs: number;
  /** How long after a query the next one is refused, for providers that do so. */
  throttleMs: number;
  /** How long an accepted refund or transfer stays in each of its states. */
  stepMs: number;
}

/**
 * One provider, played by this machine. All its addresses begin with `/<name>/`. Besides the provider's own API
 * it has one for tests: POST /<name>/api/pay, /<name>/api/notify, /<name>/api/settings and GET
 * /<name>/api/transactions.
 */
export interface SandboxProvider {
  readonly name: string;
  readonly title: string;
  /** Answers requests to this provider; null for other requests. */
  answer(request: SandboxRequest): Promise<SandboxAnswer | null>;
  close(): void;
}
