import type { Nullable } from './core/shapes.ts';
import type { Rows, Tables } from './generated/database.ts';
import type { StateOf } from './generated/states.ts';

/** `off` (orders need no admission), `open`, `paused` (nobody is admitted; so is the room of an event that staff has hidden), `closed` (sold out). */
export type WaitingRoomStatus = StateOf<'waiting_room'>;

/** `waiting`, `admitted` (may order), then `completed`, `expired` or `left`. */
export type QueueEntryStatus = StateOf<'queue_entry'>;

/** Why a place ended: `late` is no order in time, `failed` an order that ended unpaid, `closed` a room that was turned off. */
export type QueueEndReason = 'completed' | 'left' | 'silent' | 'late' | 'failed' | 'sold_out' | 'closed';

/** The waiting room of an event, as visitors may read it. */
export interface WaitingRoomInfo
  extends Pick<
    Tables['waiting_rooms'],
    | 'id'
    | 'event_id'
    | 'capacity'
    | 'admissions_per_minute'
    | 'opens_at'
    | 'opened_at'
    | 'seed_hash'
    | 'seed'
    | 'serving_number'
    | 'admitted_count'
    | 'per_minute'
    | 'updated_at'
  > {
  status: WaitingRoomStatus;
}

/** The place that joining gave or kept. `number` is null in the pre-queue. */
export interface JoinedQueue
  extends Omit<Nullable<Rows['join_queue'], 'number' | 'admission_id' | 'admission_expires_at'>, 'status'> {
  status: QueueEntryStatus;
}

/** A place in a queue and how far the queue is. */
export interface QueueStatus
  extends Omit<
    Nullable<
      Rows['queue_status'],
      | 'opens_at'
      | 'number'
      | 'position'
      | 'wait_seconds'
      | 'waiting'
      | 'per_minute'
      | 'admission_id'
      | 'admission_expires_at'
      | 'order_id'
      | 'checkout_expires_at'
    >,
    'status' | 'room_status' | 'end_reason'
  > {
  room_status: WaitingRoomStatus;
  /** Null for somebody who never joined. */
  status: QueueEntryStatus | null;
  end_reason: QueueEndReason | null;
}

/** One place of a pre-queue, after its shuffle: the number that it got. */
export interface ShuffledPlace extends Readonly<Rows['queue_shuffle']> {}

/** What became of those who joined a queue. */
export interface WaitingRoomAnalytics
  extends Nullable<Rows['waiting_room_analytics'], 'per_minute' | 'average_wait_seconds'> {}

declare module './core/shapes.ts' {
  interface Shapes {
    waiting_rooms: WaitingRoomInfo;
    join_queue: JoinedQueue;
    queue_status: QueueStatus;
    queue_shuffle: ShuffledPlace;
    waiting_room_analytics: WaitingRoomAnalytics;
  }
}
