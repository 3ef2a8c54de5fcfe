import type { SandboxAnswer, SandboxRequest } from './answers.ts';

/** What every provider of the sandbox is given. */
export interface SandboxCommon {
  /** Keeps state over restarts. Without it, it lives in memory. */
  stateDir: string | undefined;
  /** Where the sandbox itself is reached, such as `http://127.0.0.1:54325`. */
  baseUrl(): string;
  /** Where notifications go, for providers that are told at onboarding. */
  webhookUrl(provider: string): string;
  /** Between two calls about one notification, instead of the provider's own pause. */
  retryMs: number | undefined;
  /** How long a notification may take to answer. */
  notifyTimeoutMs: number;
  /** How long after a query the next one is refused, where the provider does so. */
  throttleMs: number;
  /** How long an accepted refund or transfer stays in each of its states. */
  stepMs: number;
}

/**
 * One provider, played by this machine. All its addresses begin with `/<name>/`. Next to the provider's own
 * API it has one for tests: POST /<name>/api/pay, /<name>/api/notify, /<name>/api/settings and
 * GET /<name>/api/transactions.
 */
export interface SandboxProvider {
  readonly name: string;
  readonly title: string;
  /** Answers what is meant for it, or null. */
  answer(request: SandboxRequest): Promise<SandboxAnswer | null>;
  close(): void;
}
