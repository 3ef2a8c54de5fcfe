import type { CallOptions, Calls } from './core/calls.ts';
import { hmacSha256Hex } from './core/hmac.ts';
import { firstOr, requireUserId } from './core/rows.ts';
import { fromHex, sha256Hex } from './core/sha256.ts';
import {
  QueueFeed,
  type QueueSubscription,
  type QueueWatchHandlers,
  type QueueWatchOptions,
} from './realtime/queue-feed.ts';
import type { UserInbox } from './realtime/user-inbox.ts';
import { type Result, succeed } from './result.ts';
import type { Timestamp, Uuid } from './values.ts';
import type {
  JoinedQueue,
  QueueEntryStatus,
  QueueStatus,
  ShuffledPlace,
  WaitingRoomAnalytics,
  WaitingRoomInfo,
} from './waiting-room-rows.ts';

/** How a waiting room works. */
export interface WaitingRoomSettings {
  /** How many people may buy at the same time, 1 to 10,000. Default 100. */
  capacity?: number;
  /** How many people are admitted each minute at most. Default: as many as there are slots. */
  admissionsPerMinute?: number | null;
  /** When the pre-queue is shuffled: a `Date` or an ISO 8601 text. Default: no pre-queue. */
  opensAt?: Date | Timestamp | null;
}

/** What a shuffle was found to be. */
export interface ShuffleProof {
  /** Whether the seed is the one that was promised, and gives exactly these numbers. */
  valid: boolean;
  /** How many places were shuffled. */
  places: number;
  /** The number that the seed gives the place that was asked about. Null when it was not in the pre-queue. */
  number: number | null;
}

const pageSize = 1000;
const columns =
  'id,event_id,status,capacity,admissions_per_minute,opens_at,opened_at,seed_hash,seed,serving_number,admitted_count,per_minute,updated_at';

/**
 * Recomputes the shuffle of a pre-queue: places are sorted by hmac-sha256(seed, id of the place), and the hash of the seed was
 * known before anybody joined. It asks nobody, so it also checks what was written down elsewhere.
 *
 * @example
 * ```ts
 * const promised = 'fd1f7bb10a1dc3c0a0ae7b6f8b9b7e9dd8b1c6d3ad8d0f7d2ef9dd0d3e4b27ad';
 * const { data: room } = await journey.waitingRoom.get(eventId);
 * if (room?.seed) {
 *   const { valid } = await verifyShuffle({ seed: room.seed, seedHash: promised, places: [] });
 *   console.log(valid ? 'this is the seed that was promised' : 'another seed');
 * }
 * ```
 */
export async function verifyShuffle(
  shuffle: { seed: string; seedHash: string; places: readonly ShuffledPlace[] },
  entryId?: Uuid,
): Promise<ShuffleProof> {
  const seed = fromHex(shuffle.seed);
  const encoder = new TextEncoder();
  const keyed = await Promise.all(
    shuffle.places.map(async ({ entry_id, number }) => ({
      entry_id,
      number,
      key: await hmacSha256Hex(seed, encoder.encode(entry_id)),
    })),
  );
  const sorted = keyed.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const at = sorted.findIndex(({ entry_id }) => entry_id === entryId);
  const valid =
    (await sha256Hex(seed)) === shuffle.seedHash && sorted.every(({ number }, i) => number === i + 1);
  return { valid, places: sorted.length, number: at < 0 ? null : at + 1 };
}

/** Waiting rooms of events: a fair queue before a sale. */
export class WaitingRoom {
  readonly #calls: Calls;
  readonly #inbox: UserInbox;

  constructor(calls: Calls, inbox: UserInbox) {
    this.#calls = calls;
    this.#inbox = inbox;
  }

  /**
   * The waiting room of an event, also for visitors. An event without one sells directly.
   * Errors: `waiting_room_off`.
   */
  async get(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingRoomInfo>> {
    const rooms = await this.#calls.table<WaitingRoomInfo[]>(
      'read',
      (client) => client.from('waiting_rooms').select(columns).eq('event_id', eventId),
      options,
    );
    return firstOr(rooms, 'waiting_room_off', options);
  }

  /**
   * Takes the one place of the signed-in person, on whatever device; who has one keeps it.
   * Errors: `waiting_room_off`, `waiting_room_closed`, `event_not_on_sale` (details.state; staff has hidden
   * the event), `account_suspended`, `rate_limited`.
   */
  async join(eventId: Uuid, options?: CallOptions): Promise<Result<JoinedQueue>> {
    return firstOr(
      await this.#calls.rpc('join_queue', { event_id: eventId }, options),
      'waiting_room_off',
      options,
    );
  }

  /**
   * The place of the signed-in person and how far the queue is; asking also keeps the place.
   * Errors: `waiting_room_off`.
   */
  async status(eventId: Uuid, options?: CallOptions): Promise<Result<QueueStatus>> {
    return firstOr(
      await this.#calls.rpc('queue_status', { event_id: eventId }, options),
      'waiting_room_off',
      options,
    );
  }

  /**
   * Keeps the place for five more minutes, and answers its status. `watch` does this by itself.
   * Errors: `no_queue_place`.
   */
  heartbeat(eventId: Uuid, options?: CallOptions): Promise<Result<QueueEntryStatus>> {
    return this.#calls.rpc('send_queue_heartbeat', { event_id: eventId }, options) as Promise<
      Result<QueueEntryStatus>
    >;
  }

  /**
   * Gives up the place or the admission; an order that was made stays.
   * Errors: `no_queue_place`.
   */
  leave(eventId: Uuid, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.rpc('leave_queue', { event_id: eventId }, options);
  }

  /**
   * Follows the place and keeps it: live, and by reading it from time to time when the connection is gone. Survives a tab in
   * the background and a locked phone; call `refresh` when the app comes back.
   * Errors: `waiting_room_off`.
   *
   * @example
   * ```ts
   * await journey.waitingRoom.join(eventId);
   * const { data: place } = await journey.waitingRoom.watch(eventId, {
   *   onStatus: ({ position, wait_seconds }) => console.log(position, wait_seconds),
   *   onAdmitted: ({ admission_id }) => console.log('your turn', admission_id),
   * });
   * place?.unsubscribe();
   * ```
   */
  async watch(
    eventId: Uuid,
    handlers: QueueWatchHandlers,
    options: QueueWatchOptions = {},
  ): Promise<Result<QueueSubscription>> {
    const user = await requireUserId(this.#calls);
    if (user.error) return user;
    const feed = new QueueFeed(
      this.#calls.client,
      this.#inbox,
      { userId: user.data, eventId, read: () => this.status(eventId) },
      handlers,
      options,
    );
    const started = await feed.start();
    return started.error ? started : succeed(feed);
  }

  /**
   * Reads the shuffle of a pre-queue and recomputes it; with the id of a place (`join` answers it) also which number the
   * place must have got. Before the opening nothing is valid.
   * Errors: `waiting_room_off`, `invalid_input`.
   *
   * @example
   * ```ts
   * const { data: place } = await journey.waitingRoom.join(eventId);
   * const { data: proof } = await journey.waitingRoom.verifyShuffle(eventId, place?.id);
   * if (!proof?.valid) console.warn('the queue was not shuffled as promised');
   * ```
   */
  async verifyShuffle(eventId: Uuid, entryId?: Uuid, options?: CallOptions): Promise<Result<ShuffleProof>> {
    const room = await this.get(eventId, options);
    if (room.error) return room;
    const { seed, seed_hash: seedHash } = room.data;
    if (seed === null) return succeed({ valid: false, places: 0, number: null });
    const places: ShuffledPlace[] = [];
    for (;;) {
      const after = places.at(-1)?.number ?? 0;
      const page = await this.#calls.rpc(
        'queue_shuffle',
        { event_id: eventId, after, page_size: pageSize },
        options,
      );
      if (page.error) return page;
      places.push(...page.data);
      if (page.data.length < pageSize)
        return succeed(await verifyShuffle({ seed, seedHash, places }, entryId));
    }
  }

  /**
   * Admin or editor of the organizer: makes the waiting room of an event, off at first, or changes it while people wait.
   * Errors: `event_not_found`, `organizer_not_found`, `forbidden`, `invalid_input`, `waiting_room_opened`,
   * `rate_limited`.
   */
  set(
    eventId: Uuid,
    { capacity = 100, admissionsPerMinute = null, opensAt = null }: WaitingRoomSettings = {},
    options?: CallOptions,
  ): Promise<Result<WaitingRoomInfo>> {
    return this.#calls.rpc(
      'set_waiting_room',
      {
        event_id: eventId,
        capacity,
        admissions_per_minute: admissionsPerMinute,
        opens_at: opensAt instanceof Date ? opensAt.toISOString() : opensAt,
      },
      options,
    );
  }

  /**
   * Admin or editor of the organizer: opens the room, or resumes it. From then on orders need an admission.
   * Errors: `event_not_found`, `organizer_not_found`, `forbidden`, `waiting_room_off` (set_waiting_room
   * first), `event_not_on_sale` (details.state; staff has hidden the event), `rate_limited`.
   */
  open(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingRoomInfo>> {
    return this.#calls.rpc('open_waiting_room', { event_id: eventId }, options);
  }

  /**
   * Admin or editor of the organizer: admits nobody until the room is opened again. Places are kept.
   * Errors: `event_not_found`, `organizer_not_found`, `forbidden`, `waiting_room_off`, `illegal_transition`
   * (the room is off or closed), `rate_limited`.
   */
  pause(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingRoomInfo>> {
    return this.#calls.rpc('pause_waiting_room', { event_id: eventId }, options);
  }

  /**
   * Admin or editor of the organizer: orders need no admission any more, and everybody loses their place.
   * Errors: `event_not_found`, `organizer_not_found`, `forbidden`, `waiting_room_off` (it never had one),
   * `rate_limited`.
   */
  turnOff(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingRoomInfo>> {
    return this.#calls.rpc('turn_off_waiting_room', { event_id: eventId }, options);
  }

  /**
   * Admin, editor or viewer of the organizer: how many joined, wait, were admitted, left and bought.
   * Errors: `waiting_room_off`, `event_not_found`, `organizer_not_found`, `forbidden`, `rate_limited`.
   */
  async analytics(eventId: Uuid, options?: CallOptions): Promise<Result<WaitingRoomAnalytics>> {
    return firstOr(
      await this.#calls.rpc('waiting_room_analytics', { event_id: eventId }, options),
      'waiting_room_off',
      options,
    );
  }
}
