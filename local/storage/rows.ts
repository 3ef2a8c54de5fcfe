import type { Transaction } from './db.ts';
import { failures } from './errors.ts';

/** What the platform keeps of a file in `storage.objects.metadata`. */
export interface ObjectMetadata {
  eTag: string;
  size: number;
  mimetype: string;
  cacheControl: string;
  lastModified: string;
  contentLength: number;
  httpStatusCode: 200;
  contentEncoding?: string;
}

/** A row of `storage.objects`, as callers see it. */
export interface ObjectRow extends Record<string, unknown> {
  id: string;
  name: string;
  bucket_id: string;
  owner: string | null;
  owner_id: string | null;
  version: string | null;
  created_at: Date;
  updated_at: Date;
  last_accessed_at: Date;
  metadata: Partial<ObjectMetadata> | null;
  user_metadata: Record<string, unknown> | null;
}

/** A row of `storage.buckets`. */
export interface BucketRow extends Record<string, unknown> {
  id: string;
  name: string;
  owner: string | null;
  owner_id: string | null;
  public: boolean;
  type: string;
  file_size_limit: number | null;
  allowed_mime_types: string[] | null;
  created_at: Date;
  updated_at: Date;
}

export const objectColumns =
  'id, name, bucket_id, owner, owner_id, version, created_at, updated_at, last_accessed_at, metadata, user_metadata';

// bigint would arrive as text.
export const bucketColumns = `id, name, owner, owner_id, public, type, file_size_limit::float8 as file_size_limit,
  allowed_mime_types, created_at, updated_at`;

/** The object, or NoSuchKey when the caller cannot see one. */
export async function findObject(tx: Transaction, bucket: string, key: string): Promise<ObjectRow> {
  const [row] = await tx.rows<ObjectRow>(
    `select ${objectColumns} from storage.objects where bucket_id = $1 and name = $2`,
    [bucket, key],
  );
  if (!row) throw failures.noSuchKey();
  return row;
}

/** The bucket, or NoSuchBucket when the caller cannot see one. */
export async function findBucket(tx: Transaction, id: string): Promise<BucketRow> {
  const [row] = await tx.rows<BucketRow>(`select ${bucketColumns} from storage.buckets where id = $1`, [id]);
  if (!row) throw failures.noSuchBucket();
  return row;
}

/** An object to be written. */
export interface Write {
  bucket: string;
  key: string;
  owner: string | undefined;
  upsert: boolean;
  version?: string;
  metadata?: Partial<ObjectMetadata>;
  userMetadata?: Record<string, unknown>;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

const insert = `
  insert into storage.objects (bucket_id, name, owner, owner_id, version, metadata, user_metadata)
  values ($1, $2, $3, $4, $5, $6, $7)`;

const replace = `
  on conflict (name, bucket_id) do update
  set
    owner = excluded.owner,
    owner_id = excluded.owner_id,
    version = excluded.version,
    metadata = excluded.metadata,
    user_metadata = excluded.user_metadata`;

/** The uuid for the deprecated `owner` column, when the owner is one. */
export const ownerUuid = (owner: string | undefined) => (owner && uuid.test(owner) ? owner : null);

const values = (write: Write) => [
  write.bucket,
  write.key,
  ownerUuid(write.owner),
  write.owner ?? null,
  write.version ?? null,
  write.metadata ? JSON.stringify(write.metadata) : null,
  write.userMetadata ? JSON.stringify(write.userMetadata) : null,
];

/**
 * Checks whether the caller may write, in a transaction that is rolled back. A plain insert returns nothing, so
 * only the INSERT policy decides. A replacing one reads the existing row: INSERT, SELECT and UPDATE.
 */
export async function probeWrite(tx: Transaction, write: Write): Promise<void> {
  await tx.rows(write.upsert ? `${insert}${replace} returning id` : insert, values(write));
}

/** Writes the row, and answers which version it replaced. */
export async function writeObject(
  tx: Transaction,
  write: Write,
): Promise<{ row: ObjectRow; replaced: string | null }> {
  await tx.lockObject(`${write.bucket}/${write.key}`);
  const [old] = await tx.rows<{ version: string | null }>(
    'select version from storage.objects where bucket_id = $1 and name = $2 for update',
    [write.bucket, write.key],
  );
  const statement = `${insert}${write.upsert ? replace : ''} returning ${objectColumns}`;
  const [row] = await tx.rows<ObjectRow>(statement, values(write));
  if (!row) throw failures.internal();
  return { row, replaced: old?.version ?? null };
}
