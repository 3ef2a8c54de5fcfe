import type { BlockedPerson } from './blocks-rows.ts';
import type { CallOptions, Calls } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** People whom the signed-in person wants nothing to do with. Nobody learns who has blocked them. */
export class Blocks {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Blocks a person. The two cannot make new bookings with each other (`booking_not_possible`), and do not find each
   * other's vehicles. What they have booked already goes on. Repeatable.
   * Errors: `not_found`, `invalid_input`, `rate_limited`.
   *
   * @example `await journey.blocks.add(booking.host_id)`
   */
  async add(userId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return mapResult(await this.#calls.rpc('block_user', { user_id: userId }, options), () => null);
  }

  /** Ends a block. Repeatable. A block by that person stays. */
  remove(userId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('unblock_user', { user_id: userId }, options);
  }

  /**
   * The people whom the signed-in person has blocked, the last one first.
   * Errors: `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<BlockedPerson> {
    const read = (page_size: number, place?: Pick<BlockedPerson, 'created_at' | 'user_id'>) => {
      const after = place && { created_at: place.created_at, id: place.user_id };
      return this.#calls.rpc('my_blocks', { after, page_size }, options);
    };
    return readList({ by: ['created_at', 'user_id'], read }, page, options);
  }
}
