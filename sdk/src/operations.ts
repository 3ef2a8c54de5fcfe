import type { CallOptions, Calls } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import type { DeadLetter, Job } from './operations-rows.ts';
import type { Result } from './result.ts';

/** What keeps the system going: its jobs, and what could not be delivered. For people with the role `admin`; `support` reads. */
export class AdminOperations {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * The jobs with their last run, and whether one is late.
   * Errors: `forbidden`.
   */
  jobs(options?: CallOptions): Promise<Result<Job[]>> {
    return this.#calls.rpc('list_jobs', {}, options);
  }

  /**
   * What was given up, newest first, of all topics or of one.
   * Errors: `forbidden`, `invalid_input`.
   */
  deadLetters(
    { topic, ...page }: PageOptions & { topic?: string } = {},
    options?: CallOptions,
  ): List<DeadLetter> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_dead_letters', { topic, after, page_size }, options);
    return readList({ by: ['id'], read }, page, options);
  }

  /**
   * Has it tried again, once its cause is put right. The provider is asked first whether an earlier try arrived. Safe to repeat.
   * Errors: `forbidden`, `not_found`, `illegal_transition`.
   */
  async requeue(deadLetterId: number, options?: CallOptions): Promise<Result<null>> {
    return mapResult(
      await this.#calls.rpc('requeue_dead_letter', { dead_letter_id: deadLetterId }, options),
      () => null,
    );
  }
}
