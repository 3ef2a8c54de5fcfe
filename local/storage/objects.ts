import { z } from 'zod';
import type { Call, Service } from './call.ts';
import { asService, type Transaction } from './db.ts';
import { failures } from './errors.ts';
import { checkBucketName, checkKey, isHeaderValue } from './names.ts';
import {
  findBucket,
  findObject,
  type ObjectRow,
  objectColumns,
  ownerUuid,
  probeWrite,
  writeObject,
} from './rows.ts';
import { keepOrRemove } from './upload.ts';

const relocation = {
  bucketId: z.string(),
  sourceKey: z.string(),
  destinationKey: z.string(),
  destinationBucket: z.string().optional(),
  sourceVersionId: z.string().optional(),
};
const moveBody = z.object(relocation);
const copyBody = z.object({
  ...relocation,
  copyMetadata: z.boolean().optional(),
  metadata: z
    .object({
      cacheControl: z.string().refine(isHeaderValue).optional(),
      contentEncoding: z.string().refine(isHeaderValue).optional(),
      mimetype: z.string().refine(isHeaderValue).optional(),
    })
    .optional(),
});
const removeBody = z.object({
  prefixes: z
    .array(z.union([z.string(), z.object({ path: z.string(), versionId: z.string() })]))
    .min(1)
    .max(1000),
});

/** Checks the two ends of a move or copy. */
function ends(body: z.infer<typeof moveBody>): {
  fromBucket: string;
  from: string;
  toBucket: string;
  to: string;
} {
  if (body.sourceVersionId !== undefined) throw failures.notEnabled('object versioning');
  return {
    fromBucket: checkBucketName(body.bucketId),
    from: checkKey(body.sourceKey),
    toBucket: checkBucketName(body.destinationBucket ?? body.bucketId),
    to: checkKey(body.destinationKey),
  };
}

/** POST /object/move. The version names the bytes, so only the row moves. */
export async function move(service: Service, call: Call): Promise<Response> {
  const actor = await call.actor('storage.object.move');
  const { fromBucket, from, toBucket, to } = ends(await call.json(moveBody));
  const owner = actor.claims.sub;
  const rename = async (tx: Transaction) => {
    // Takes both locks in one order, so that two opposite moves do not wait for each other.
    for (const address of [`${fromBucket}/${from}`, `${toBucket}/${to}`].sort()) await tx.lockObject(address);
    const [row] = await tx.rows<ObjectRow>(
      `update storage.objects
      set
        bucket_id = $3,
        name = $4,
        owner = coalesce($5, owner),
        owner_id = coalesce($6, owner_id)
      where bucket_id = $1 and name = $2
      returning ${objectColumns}`,
      [fromBucket, from, toBucket, to, ownerUuid(owner), owner ?? null],
    );
    if (!row) throw failures.noSuchKey();
    return row;
  };
  await service.db.run(asService(actor), (tx) => findBucket(tx, toBucket));
  if (fromBucket === toBucket && from === to) {
    const row = await service.db.run(actor, (tx) => findObject(tx, fromBucket, from));
    return Response.json({ message: 'Successfully moved', Id: row.id, Key: row.name });
  }
  await service.db.probe(actor, async (tx) => {
    await findObject(tx, fromBucket, from);
    await rename(tx);
  });
  const row = await service.db.run(asService(actor), rename);
  return Response.json({ message: 'Successfully moved', Id: row.id, Key: row.name });
}

/** POST /object/copy. */
export async function copy(service: Service, call: Call): Promise<Response> {
  const actor = await call.actor('storage.object.copy');
  const body = await call.json(copyBody);
  const { fromBucket, from, toBucket, to } = ends(body);
  const upsert = call.headers.get('x-upsert') === 'true';
  await service.db.run(asService(actor), (tx) => findBucket(tx, toBucket));
  const source = await service.db.run(actor, (tx) => findObject(tx, fromBucket, from));
  const answer = (row: { id: string }) => Response.json({ ...row, Id: row.id, Key: `${toBucket}/${to}` });
  const keeps = body.copyMetadata ?? true;
  if (keeps && fromBucket === toBucket && from === to) return answer(source);

  const write = {
    bucket: toBucket,
    key: to,
    owner: actor.claims.sub,
    upsert,
    metadata: keeps ? (source.metadata ?? {}) : { ...source.metadata, ...body.metadata },
    userMetadata: keeps ? (source.user_metadata ?? undefined) : undefined,
  };
  await service.db.probe(actor, (tx) => probeWrite(tx, write));
  const version = await service.files.copy(source.version);
  return answer(
    await keepOrRemove(service, version, () =>
      service.db.run(asService(actor), (tx) => writeObject(tx, { ...write, version })),
    ),
  );
}

/** DELETE /object/{bucket}: removes what the caller sees and may delete. The answer does not list the rest. */
export async function remove(service: Service, call: Call, bucket: string): Promise<Response> {
  const actor = await call.actor('storage.object.delete_many');
  const { prefixes } = await call.json(removeBody);
  const names = prefixes.map((entry) => {
    if (typeof entry !== 'string') throw failures.notEnabled('object versioning');
    return entry;
  });
  const removed = await service.db.run(actor, (tx) =>
    tx.rows<ObjectRow>(
      `delete from storage.objects where bucket_id = $1 and name = any($2) returning ${objectColumns}`,
      [bucket, names],
    ),
  );
  await service.files.remove(removed.map((row) => row.version));
  return Response.json(removed);
}

/**
 * DELETE /object/{bucket}/{key}: the service finds the file and the caller deletes it, so that the caller
 * learns when it is not allowed.
 */
export async function removeOne(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const actor = await call.actor('storage.object.delete');
  checkKey(key);
  await service.db.run(asService(actor), (tx) => findObject(tx, bucket, key));
  const removed = await service.db.run(actor, (tx) =>
    tx.rows<ObjectRow>(
      `delete from storage.objects where bucket_id = $1 and name = $2 returning ${objectColumns}`,
      [bucket, key],
    ),
  );
  if (removed.length === 0) throw failures.accessDenied('Access denied');
  await service.files.remove(removed.map((row) => row.version));
  return Response.json({ message: 'Successfully deleted' });
}
