import type { Broadcast, BroadcastPreview, BroadcastSegment, BroadcastTexts } from './broadcasts-rows.ts';
import type { CallOptions, Calls, CommandOptions } from './core/calls.ts';
import { type List, mapResult, type PageOptions, readList } from './core/pages.ts';
import type { Result } from './result.ts';
import type { Uuid } from './values.ts';

/** One text of an admin to many people. */
export class AdminBroadcasts {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Stores a text for a segment of people, as a draft. `marketing` goes to those who allowed it. Texts and segment
   * never change: cancel a draft and create another.
   * Errors: `forbidden`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: draft } = await journey.admin.broadcasts.create({
   *   category: 'service',
   *   segment: { hosts_in: ['Đà Nẵng'] },
   *   texts: {
   *     vi: { title: 'Bảo trì', body: 'Ứng dụng tạm dừng từ 1 giờ đến 2 giờ sáng.' },
   *     en: { title: 'Maintenance', body: 'The app pauses from 1 to 2 in the morning.' },
   *   },
   * });
   * ```
   */
  create(
    {
      category,
      segment = {},
      texts,
    }: {
      category: Broadcast['category'];
      segment?: BroadcastSegment;
      texts: Record<'vi' | 'en', BroadcastTexts>;
    },
    options?: CommandOptions,
  ): Promise<Result<Broadcast>> {
    return this.#calls.rpc('create_broadcast', { category, segment, texts }, options);
  }

  /**
   * All of them with their progress, newest first.
   * Errors: `forbidden`, `invalid_input`.
   */
  list(page: PageOptions = {}, options?: CallOptions): List<Broadcast> {
    const read = (page_size: number, after?: object) =>
      this.#calls.rpc('list_broadcasts', { after, page_size }, options);
    return readList({ by: ['created_at', 'id'], read }, page, options);
  }

  /**
   * Whom it would reach now, and its texts.
   * Errors: `forbidden`, `broadcast_not_found`.
   */
  preview(broadcastId: Uuid, options?: CallOptions): Promise<Result<BroadcastPreview>> {
    return this.#calls.rpc('preview_broadcast', { broadcast_id: broadcastId }, options) as Promise<
      Result<BroadcastPreview>
    >;
  }

  /**
   * Sends it to the caller alone.
   * Errors: `forbidden`, `broadcast_not_found`.
   */
  async sendTest(broadcastId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return mapResult(
      await this.#calls.rpc('send_test_broadcast', { broadcast_id: broadcastId }, options),
      () => null,
    );
  }

  /**
   * Starts it, or goes on with one that was paused. Who has an account then gets it once. Safe to repeat.
   * Errors: `forbidden`, `broadcast_not_found`, `illegal_transition`.
   */
  start(broadcastId: Uuid, options?: CallOptions): Promise<Result<Broadcast>> {
    return this.#calls.rpc('start_broadcast', { broadcast_id: broadcastId }, options);
  }

  /**
   * Stops it; `start` goes on there. Safe to repeat.
   * Errors: `forbidden`, `broadcast_not_found`, `illegal_transition`.
   */
  pause(broadcastId: Uuid, options?: CallOptions): Promise<Result<Broadcast>> {
    return this.#calls.rpc('pause_broadcast', { broadcast_id: broadcastId }, options);
  }

  /**
   * Ends it for good. Who was told keeps the notification. Safe to repeat.
   * Errors: `forbidden`, `broadcast_not_found`, `illegal_transition`.
   */
  cancel(broadcastId: Uuid, options?: CallOptions): Promise<Result<Broadcast>> {
    return this.#calls.rpc('cancel_broadcast', { broadcast_id: broadcastId }, options);
  }
}
