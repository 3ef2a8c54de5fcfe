import type { CallOptions, Calls } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import type { Suppression } from './mail-rows.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** Addresses that take no mail, because they bounced or their owner complained. Staff with `support` may too. */
export class AdminMail {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * All of them, the newest first.
   * Errors: `forbidden`, `invalid_input`.
   */
  suppressions(page: PageOptions = {}, options?: CallOptions): List<Suppression> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_suppressions', { after, page_size }, options);
    return readList({ by: ['suppressed_at', 'id'], read }, page, options);
  }

  /**
   * Lets mail go to an address again; Resend has a list of its own, where it must be removed too. The reason of 1 to 500
   * characters is for the log.
   * Errors: `forbidden`, `suppression_not_found`, `invalid_input`.
   */
  async liftSuppression(
    { suppressionId, reason }: { suppressionId: Uuid; reason: string },
    options?: CallOptions,
  ): Promise<Result<null>> {
    return mapResult(
      await this.#calls.rpc('lift_suppression', { suppression_id: suppressionId, reason }, options),
      () => null,
    );
  }
}
