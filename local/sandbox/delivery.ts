/** How a notification is sent. Without any option: one call, at once, repeated as the provider would. */
export interface NotifyPlan {
  /** The wait before the first call. */
  delayMs?: number;
  /** How many copies are sent at the same moment. */
  times?: number;
  /** Sends none: the project must ask. */
  never?: boolean;
  /** Changes the amount after signing. */
  tamper?: boolean;
  /** Sends another amount, correctly signed. */
  wrongAmount?: boolean;
  /** Signs with a secret that is not the merchant's. */
  wrongSecret?: boolean;
  /** Sends a message about another merchant, correctly signed. */
  foreignMerchant?: boolean;
  /** False: the payer's browser returns without waiting for the call. */
  beforeReturn?: boolean;
}

/** Reads the notification plan from a request to the sandbox's API. */
export function readPlan(value: unknown): NotifyPlan {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

/** One call to the project, as the sandbox's pages show it. */
export interface SentNotification {
  at: string;
  /** Address and body. */
  sent: string;
  /** The HTTP status and body of the answer, or why there was none. */
  answer: string;
}

/** The project's answer to one call; null when none came in time. */
export interface MerchantAnswer {
  status: number;
  body: string;
}

/**
 * Makes the calls of one provider to the project, and repeats them until the project's answer is right or the
 * sandbox closes.
 */
export class Courier {
  /** The wait between two calls about one notification. */
  retryMs: number;
  readonly #maxCalls: number;
  readonly #timeoutMs: number;
  readonly #timers = new Set<NodeJS.Timeout>();
  #closed = false;

  constructor(options: { retryMs: number; maxCalls: number; timeoutMs: number }) {
    this.retryMs = options.retryMs;
    this.#maxCalls = options.maxCalls;
    this.#timeoutMs = options.timeoutMs;
  }

  /** One call. `log` keeps it. */
  async call(url: string, init: RequestInit, log: SentNotification[]): Promise<MerchantAnswer | null> {
    const at = new Date().toISOString();
    const sent = typeof init.body === 'string' ? `${url}\n${init.body}` : url;
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(this.#timeoutMs) });
      const body = await response.text();
      log.push({ at, sent, answer: `${response.status} ${body.slice(0, 500)}`.trim() });
      return { status: response.status, body };
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      log.push({ at, sent, answer: `no readable answer: ${reason}` });
      return null;
    }
  }

  /**
   * Notifies as the plan says. `call` makes one call and answers whether the provider would accept the
   * response. Resolves after the first call was answered, or at once when the plan does not wait.
   */
  async deliver(call: () => Promise<boolean>, plan: NotifyPlan): Promise<void> {
    if (plan.never) return;
    if (plan.beforeReturn === false || (plan.delayMs ?? 0) > 0) {
      void this.#wait(plan.delayMs ?? 0).then(() => this.#begin(call, plan.times ?? 1));
      return;
    }
    await this.#begin(call, plan.times ?? 1);
  }

  /** Makes no further call. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
  }

  async #begin(call: () => Promise<boolean>, times: number): Promise<void> {
    if (this.#closed) return;
    const contents = await Promise.all(Array.from({ length: Math.max(1, times) }, call));
    if (!contents.includes(true)) void this.#retry(call);
  }

  async #retry(call: () => Promise<boolean>): Promise<void> {
    for (let count = 2; count <= this.#maxCalls; count += 1) {
      await this.#wait(this.retryMs);
      if (this.#closed || (await call())) return;
    }
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, ms);
      timer.unref();
      this.#timers.add(timer);
    });
  }
}
