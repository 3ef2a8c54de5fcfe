import type { Call, Service } from './call.ts';
import { type Actor, asService } from './db.ts';
import { failures, StorageFailure } from './errors.ts';
import { readMultipart } from './multipart.ts';
import { acceptsMimeType, checkKey, isHeaderValue } from './names.ts';
import {
  type BucketRow,
  findBucket,
  type ObjectMetadata,
  probeWrite,
  type Write,
  writeObject,
} from './rows.ts';
import { readSignature } from './sign.ts';

/** A file that is being uploaded: its description and its bytes. */
interface Incoming {
  mimetype: string;
  cacheControl: string;
  contentEncoding: string | null;
  userMetadata: Record<string, unknown> | undefined;
  announcedSize: number | null;
  bytes: AsyncIterable<Uint8Array>;
}

/** POST or PUT /object/{bucket}/{key}. */
export async function upload(service: Service, call: Call, bucket: string, key: string): Promise<Response> {
  const updates = call.method === 'PUT';
  const actor = await call.actor(updates ? 'storage.object.upload_update' : 'storage.object.upload');
  const upsert = updates || call.headers.get('x-upsert') === 'true';
  const { id } = await store(service, call, actor, { bucket, key, upsert, owner: actor.claims.sub });
  return Response.json({ Id: id, Key: `${bucket}/${key}` });
}

/** PUT /object/upload/sign/{bucket}/{key}?token=: the right was checked when the address was signed. */
export async function uploadSigned(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const { owner, upsert } = await readSignature(service, call, 'upload', `${bucket}/${key}`);
  const actor = call.service('storage.object.upload_signed');
  await store(service, call, actor, { bucket, key, upsert: upsert ?? false, owner });
  return Response.json({ Key: `${bucket}/${key}` });
}

/**
 * Checks the right, stores the bytes, then writes the row. So a row never stands for missing bytes. Bytes
 * without a row belong to nobody, and the next start removes them.
 */
async function store(service: Service, call: Call, actor: Actor, target: Write): Promise<{ id: string }> {
  checkKey(target.key);
  const bucket = await service.db.run(asService(actor), (tx) => findBucket(tx, target.bucket));
  const file = await readIncoming(call);
  const limit = sizeLimit(service, bucket, target.key, file);
  checkAgainstBucket(file, bucket, target.key, limit);

  const known: Partial<ObjectMetadata> = { mimetype: file.mimetype };
  if (file.announcedSize !== null) known.contentLength = file.announcedSize;
  const draft = { ...target, metadata: known, userMetadata: file.userMetadata };
  await service.db.probe(actor, (tx) => probeWrite(tx, draft));

  const stored = await service.files.receive(file.bytes, limit);
  const metadata: ObjectMetadata = {
    eTag: stored.eTag,
    size: stored.size,
    mimetype: file.mimetype,
    cacheControl: file.cacheControl,
    lastModified: new Date().toISOString(),
    contentLength: stored.size,
    httpStatusCode: 200,
    ...(file.contentEncoding ? { contentEncoding: file.contentEncoding } : {}),
  };
  const write = { ...draft, version: stored.version, metadata };
  return keepOrRemove(service, stored.version, () =>
    service.db.run(asService(actor), (tx) => writeObject(tx, write)),
  );
}

/**
 * Writes a row for bytes that are stored. When it is refused, the bytes are removed; otherwise those that the
 * row replaced.
 */
export async function keepOrRemove(
  service: Service,
  version: string,
  write: () => ReturnType<typeof writeObject>,
): Promise<{ id: string }> {
  try {
    const { row, replaced } = await write();
    await service.files.remove([replaced]);
    return row;
  } catch (error) {
    // After a lost connection nobody knows whether the row was written. Then the next start decides.
    if (error instanceof StorageFailure && error.status < 500) await service.files.remove([version]);
    throw error;
  }
}

const isPlaceholder = (key: string): boolean => /(^|\/)\.emptyFolderPlaceholder$/.test(key);

/** A placeholder may be of any type, as it must be empty then. */
function sizeLimit(service: Service, bucket: BucketRow, key: string, file: Incoming): number {
  if (isPlaceholder(key) && !acceptsMimeType(bucket.allowed_mime_types, file.mimetype)) return 0;
  return Math.min(service.fileSizeLimit, bucket.file_size_limit ?? service.fileSizeLimit);
}

function checkAgainstBucket(file: Incoming, bucket: BucketRow, key: string, limit: number): void {
  if (!isPlaceholder(key) && !acceptsMimeType(bucket.allowed_mime_types, file.mimetype)) {
    throw failures.invalidMimeType(file.mimetype);
  }
  if (file.announcedSize !== null && file.announcedSize > limit) throw failures.entityTooLarge();
  for (const value of [file.mimetype, file.cacheControl, file.contentEncoding ?? '']) {
    if (!isHeaderValue(value))
      throw failures.invalidRequest('A header of the file holds a character it must not');
  }
}

async function readIncoming(call: Call): Promise<Incoming> {
  const contentType = call.headers.get('content-type') ?? 'application/octet-stream';
  if (contentType.toLowerCase().startsWith('multipart/form-data')) {
    const form = await readMultipart(call.body, contentType);
    const seconds = form.fields.get('cacheControl');
    return {
      mimetype: form.fields.get('contentType') ?? form.contentType ?? 'application/octet-stream',
      cacheControl: seconds ? `max-age=${seconds}` : 'no-cache',
      contentEncoding: form.fields.get('contentEncoding') ?? null,
      userMetadata: readMetadata(form.fields.get('userMetadata') ?? form.fields.get('metadata')),
      announcedSize: null,
      bytes: form.bytes,
    };
  }
  const encoded = call.headers.get('x-metadata');
  const length = call.headers.get('content-length');
  const announcedSize = length === null ? null : Number(length);
  return {
    mimetype: contentType,
    cacheControl: call.headers.get('cache-control') ?? 'no-cache',
    contentEncoding: call.headers.get('content-encoding'),
    userMetadata: readMetadata(encoded ? Buffer.from(encoded, 'base64').toString('utf8') : undefined),
    announcedSize,
    bytes: call.body.exactly(announcedSize),
  };
}

function readMetadata(json: string | undefined): Record<string, unknown> | undefined {
  if (!json) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  } catch {
    // Refused below, as any other metadata that is not an object.
  }
  throw failures.invalidRequest('The metadata of the file must be a JSON object');
}
