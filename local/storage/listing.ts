import { z } from 'zod';
import type { Call, Service } from './call.ts';
import { failures } from './errors.ts';

const order = z.enum(['asc', 'desc']).default('asc');
const listBody = z.object({
  prefix: z.string(),
  limit: z.int().min(1).default(100),
  offset: z.int().min(0).default(0),
  search: z.string().default(''),
  sortBy: z
    .object({
      column: z.enum(['name', 'updated_at', 'created_at', 'last_accessed_at']).default('name'),
      order,
    })
    .default({ column: 'name', order: 'asc' }),
});
const listV2Body = z.object({
  prefix: z.string().default(''),
  limit: z.int().min(1).max(1000).default(1000),
  cursor: z.string().optional(),
  with_delimiter: z.boolean().default(false),
  sortBy: z
    .object({ column: z.enum(['name', 'updated_at', 'created_at']), order })
    .default({ column: 'name', order: 'asc' }),
});
const cursorShape = z.object({ key: z.string(), at: z.string() });

/** An entry of a listing. A folder has no id and, in the first form of listing, only a name. */
interface Entry extends Record<string, unknown> {
  name: string;
  id: string | null;
  updated_at: Date | null;
  created_at: Date | null;
  last_accessed_at: Date | null;
  metadata: Record<string, unknown> | null;
}

/** POST /object/list/{bucket}: one folder, with names relative to it. */
export async function list(service: Service, call: Call, bucket: string): Promise<Response> {
  const actor = await call.actor('storage.object.list');
  const { prefix, limit, offset, search, sortBy } = await call.json(listBody);
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`;
  const entries = await service.db.run(actor, (tx) =>
    tx.rows<Entry>(
      `select name, id, updated_at, created_at, last_accessed_at, metadata
      from storage.search($1, $2, $3, 1, $4, $5, $6, $7)`,
      [folder, bucket, limit, offset, search, sortBy.column, sortBy.order],
    ),
  );
  return Response.json(entries);
}

/**
 * POST /object/list-v2/{bucket}: everything under a prefix, page by page. The name of a file or folder is whole,
 * and that of a folder ends with a slash. The key is its last part, and is there only when folders are asked for.
 */
export async function listV2(service: Service, call: Call, bucket: string): Promise<Response> {
  const actor = await call.actor('storage.object.list_v2');
  const { prefix, limit, cursor, with_delimiter, sortBy } = await call.json(listV2Body);
  const after = cursor === undefined ? { key: '', at: '' } : readCursor(cursor);
  const entries = await service.db.run(actor, (tx) =>
    tx.rows<Entry & { key: string | null }>(
      `select key, name, id, updated_at, created_at, last_accessed_at, metadata
      from storage.search_v2($1, $2, $3, $4, $5, $6, $7, $8)`,
      [prefix, bucket, limit + 1, with_delimiter ? 1 : 0, after.key, sortBy.order, sortBy.column, after.at],
    ),
  );
  const page = entries.slice(0, limit);
  const last = page.at(-1);
  const hasNext = entries.length > limit;
  const more =
    hasNext && last
      ? {
          nextCursor: writeCursor(last.name, sortBy.column === 'name' ? null : last[sortBy.column]),
          nextCursorKey: last.name,
        }
      : {};
  return Response.json({
    hasNext,
    ...more,
    folders: page.filter(({ id }) => id === null).map(({ key, name }) => ({ key, name })),
    objects: page
      .filter(({ id }) => id !== null)
      .map(({ key, ...file }) => (key === null ? file : { key, ...file })),
  });
}

function writeCursor(key: string, at: Date | null): string {
  return Buffer.from(JSON.stringify({ key, at: at?.toISOString() ?? '' })).toString('base64url');
}

function readCursor(cursor: string): z.infer<typeof cursorShape> {
  try {
    const { key, at } = cursorShape.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (at === '' || !Number.isNaN(Date.parse(at))) return { key, at };
  } catch {
    // Refused below.
  }
  throw failures.invalidRequest('The cursor is not one that this API gave out');
}
