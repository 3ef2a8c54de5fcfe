import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import type { BroadcastContent } from './broadcast.ts';

interface StoredRow {
  id: string;
  event: string;
  payload: string | null;
  binary_payload: Buffer | null;
}

// PostgreSQL streams a commit a moment before its rows can be read. A row that was streamed just before the channel
// subscribed would else be in neither; the moment grows when the machine is busy.
const untilReadableMs = 100;

/**
 * The last `limit` stored broadcasts of a private topic since a moment (milliseconds since 1970),
 * oldest first. Rows of one transaction share `inserted_at`; their place in the table orders them.
 */
export async function readStored(
  pool: pg.Pool,
  topic: string,
  since: number,
  limit: number,
): Promise<BroadcastContent[]> {
  await delay(untilReadableMs);
  const { rows } = await pool.query<StoredRow>(
    `select id, event, payload::text, binary_payload
     from realtime.messages
     where topic = $1
       and private is true
       and extension = 'broadcast'
       and event is not null
       and inserted_at >= to_timestamp($2::double precision / 1000) at time zone current_setting('timezone')
     order by inserted_at desc, tableoid desc, ctid desc
     limit $3`,
    [topic, since, limit],
  );
  return rows.reverse().map((row) => ({
    event: row.event,
    encoding: row.binary_payload ? 'binary' : 'json',
    body: row.binary_payload ?? Buffer.from(row.payload ?? 'null'),
    meta: { replayed: true, id: row.id },
  }));
}
