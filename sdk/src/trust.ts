import type { CallOptions, Calls } from './core/calls.ts';
import { type List, type PageOptions, readList } from './core/pages.ts';
import { requireUserId } from './core/rows.ts';
import { readableColumns } from './generated/columns.ts';
import { type Result, succeed } from './result.ts';
import type { Suspension, TrustEvent } from './trust-rows.ts';
import type { Timestamp, Uuid } from './values.ts';

/** The own credit score: the number is in `profiles.me()`, and why it is so is here. */
export class Trust {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * What made the caller's credit score, the newest first. Nobody else sees it.
   * Errors: `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: page } = await journey.trust.history();
   * for (const { reason_vi, points, score } of page?.rows ?? []) show(reason_vi, points, score);
   * ```
   */
  history(page: PageOptions = {}, options?: CallOptions): List<TrustEvent> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('trust_history', { after, page_size }, options);
    return readList({ by: ['id'], read }, page, options);
  }

  /** Why and until when the caller's account is suspended; null when it is not. */
  async suspension(options?: CallOptions): Promise<Result<Suspension | null>> {
    const user = await requireUserId(this.#calls, options);
    if (user.error) return user;
    const rows = await this.#calls.table<Suspension[]>(
      'read',
      (client) =>
        client
          .from('user_suspensions')
          .select(readableColumns.user_suspensions)
          .eq('user_id', user.data)
          .is('ended_at', null)
          .or(`until.is.null,until.gt.${new Date().toISOString()}`),
      options,
    );
    return rows.error ? rows : succeed(rows.data[0] ?? null);
  }
}

/** People who may not use the platform for now. */
export class AdminPeople {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Suspends a person, until a time or until {@link reinstate}: nothing new is booked, listed or paid, and no vehicle is
   * handed over. The person is told the reason. Of one who is suspended it changes reason and end.
   * Errors: `forbidden`, `not_found`, `invalid_input`.
   */
  suspend(
    input: { userId: Uuid; reason: string; until?: Timestamp },
    options?: CallOptions,
  ): Promise<Result<Suspension>> {
    const args = { user_id: input.userId, reason: input.reason, until: input.until };
    return this.#calls.rpc('suspend_user', args, options);
  }

  /**
   * Ends a suspension; the reason is for the log.
   * Errors: `forbidden`, `not_found` (nobody suspended them), `invalid_input`.
   */
  reinstate(input: { userId: Uuid; reason: string }, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('reinstate_user', { user_id: input.userId, reason: input.reason }, options);
  }
}
