import { z } from 'zod';
import type { Call, Service } from './call.ts';
import { asService } from './db.ts';
import { failures } from './errors.ts';
import { checkBucketName, parseFileSize } from './names.ts';
import { type BucketRow, bucketColumns, findBucket, type ObjectRow, ownerUuid } from './rows.ts';

const settings = {
  public: z.boolean().optional(),
  file_size_limit: z.union([z.number(), z.string()]).nullish(),
  allowed_mime_types: z.array(z.string()).nullish(),
  versioning_status: z.string().optional(),
};
const createBody = z.object({
  name: z.string(),
  id: z.string().optional(),
  type: z.enum(['STANDARD', 'ANALYTICS', 'VECTOR']).default('STANDARD'),
  ...settings,
});
const updateBody = z.object(settings);

function mimeTypes(types: string[] | null | undefined): string[] | null | undefined {
  for (const type of types ?? []) {
    if (!/^(\*|[\w.+-]+)\/(\*|[\w.+-]+)$/.test(type)) throw failures.invalidMimeType(type);
  }
  return types;
}

function sizeLimit(service: Service, value: string | number | null | undefined): number | null | undefined {
  if (value === null || value === undefined) return value;
  const bytes = parseFileSize(value);
  if (!Number.isSafeInteger(bytes) || bytes < 0)
    throw failures.invalidRequest('file_size_limit must be whole bytes');
  if (bytes > service.fileSizeLimit) throw failures.entityTooLarge();
  return bytes === 0 ? null : bytes;
}

/** POST /bucket. */
export async function createBucket(service: Service, call: Call): Promise<Response> {
  const actor = await call.actor('storage.bucket.create');
  const body = await call.json(createBody);
  if (body.type !== 'STANDARD') throw failures.notEnabled(`${body.type.toLowerCase()} buckets`);
  if (body.versioning_status !== undefined) throw failures.notEnabled('object versioning');
  const name = checkBucketName(body.name);
  const id = checkBucketName(body.id ?? body.name);
  const owner = actor.claims.sub;
  await service.db.run(
    actor,
    (tx) =>
      tx.rows(
        `insert into storage.buckets (id, name, owner, owner_id, public, file_size_limit, allowed_mime_types)
        values ($1, $2, $3, $4, $5, $6, $7)`,
        [
          id,
          name,
          ownerUuid(owner),
          owner ?? null,
          body.public ?? false,
          sizeLimit(service, body.file_size_limit) ?? null,
          mimeTypes(body.allowed_mime_types) ?? null,
        ],
      ),
    failures.bucketAlreadyExists,
  );
  return Response.json({ name });
}

/** A bucket as the platform answers it: without `owner_id`, and with an empty text where no owner is known. */
const shown = ({ owner_id: _, ...bucket }: BucketRow) => ({ ...bucket, owner: bucket.owner ?? '' });

/** GET /bucket/{id}. The platform answers the type only in the list. */
export async function getBucket(service: Service, call: Call, id: string): Promise<Response> {
  const actor = await call.actor('storage.bucket.get');
  const { type: _, ...bucket } = shown(await service.db.run(actor, (tx) => findBucket(tx, id)));
  return Response.json(bucket);
}

const sortable = ['id', 'name', 'created_at', 'updated_at'];

/** GET /bucket. */
export async function listBuckets(service: Service, call: Call): Promise<Response> {
  const actor = await call.actor('storage.bucket.list');
  const column = call.query.get('sortColumn') ?? 'id';
  const order = call.query.get('sortOrder') ?? 'asc';
  const limit = call.query.get('limit');
  const offset = call.query.get('offset') ?? '0';
  const numbers = /^\d{1,9}$/;
  if (!sortable.includes(column) || !['asc', 'desc'].includes(order)) {
    throw failures.invalidRequest(`Buckets are sorted by one of ${sortable.join(', ')}, asc or desc`);
  }
  if ((limit !== null && !numbers.test(limit)) || !numbers.test(offset)) {
    throw failures.invalidRequest('limit and offset must be whole numbers');
  }
  const buckets = await service.db.run(actor, (tx) =>
    tx.rows<BucketRow>(
      `select ${bucketColumns}
      from storage.buckets
      where position(lower($1) in lower(name)) > 0
      order by ${column} ${order}
      limit $2
      offset $3`,
      [call.query.get('search') ?? '', limit, offset],
    ),
  );
  return Response.json(buckets.map(shown));
}

/** PUT /bucket/{id}: what is not named stays as it is. */
export async function updateBucket(service: Service, call: Call, id: string): Promise<Response> {
  const actor = await call.actor('storage.bucket.update');
  const body = await call.json(updateBody);
  if (body.versioning_status !== undefined) throw failures.notEnabled('object versioning');
  const limit = sizeLimit(service, body.file_size_limit);
  const rows = await service.db.run(actor, (tx) =>
    tx.rows(
      `update storage.buckets
      set
        public = coalesce($2, public),
        file_size_limit = case when $3 then $4 else file_size_limit end,
        allowed_mime_types = case when $5 then $6 else allowed_mime_types end,
        updated_at = now()
      where id = $1
      returning id`,
      [
        id,
        body.public ?? null,
        limit !== undefined,
        limit ?? null,
        body.allowed_mime_types !== undefined,
        mimeTypes(body.allowed_mime_types) ?? null,
      ],
    ),
  );
  if (rows.length === 0) throw failures.noSuchBucket();
  return Response.json({ message: 'Successfully updated' });
}

/** DELETE /bucket/{id}: only an empty bucket. */
export async function deleteBucket(service: Service, call: Call, id: string): Promise<Response> {
  const actor = await call.actor('storage.bucket.delete');
  await service.db.run(actor, (tx) => findBucket(tx, id));
  const [object] = await service.db.run(asService(actor), (tx) =>
    tx.rows('select id from storage.objects where bucket_id = $1 limit 1', [id]),
  );
  if (object) throw failures.bucketNotEmpty();
  const deleted = await service.db.run(actor, (tx) =>
    tx.rows('delete from storage.buckets where id = $1 returning id', [id]),
  );
  if (deleted.length === 0) throw failures.noSuchBucket();
  return Response.json({ message: 'Successfully deleted' });
}

/**
 * POST /bucket/{id}/empty: only with the secret key. The platform lets a user who sees the bucket and may
 * delete one file delete them all, so nobody should rely on it. The platform also deletes later; here it
 * happens at once.
 */
export async function emptyBucket(service: Service, call: Call, id: string): Promise<Response> {
  const actor = await call.actor('storage.bucket.empty');
  const removed = await service.db.run(actor, async (tx) => {
    await findBucket(tx, id);
    if (actor.role !== 'service_role') throw failures.accessDenied('Access denied');
    return tx.rows<Pick<ObjectRow, 'version'>>(
      'delete from storage.objects where bucket_id = $1 returning version',
      [id],
    );
  });
  await service.files.remove(removed.map(({ version }) => version));
  return Response.json({ message: 'Empty bucket has been queued. Completion may take up to an hour.' });
}
