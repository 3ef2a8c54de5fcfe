import type { Call, Service } from './call.ts';
import { type Actor, asService } from './db.ts';
import { failures } from './errors.ts';
import type { OpenedBytes } from './files.ts';
import { checkKey, isHeaderValue } from './names.ts';
import { findBucket, findObject, type ObjectRow } from './rows.ts';
import { readSignature } from './sign.ts';

/** GET or HEAD /object/{bucket}/{key} and /object/authenticated/{bucket}/{key}. */
export async function download(service: Service, call: Call, bucket: string, key: string): Promise<Response> {
  const actor = await reader(service, call, bucket, 'storage.object.get_authenticated');
  return serve(service, call, actor, bucket, key);
}

/** GET or HEAD /object/public/{bucket}/{key}: only public buckets, for any caller. */
export async function downloadPublic(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const actor = await publicReader(service, call, bucket, 'storage.object.get_public');
  return serve(service, call, actor, bucket, key);
}

/** GET or HEAD /object/sign/{bucket}/{key}?token=: the right was checked when the address was signed. */
export async function downloadSigned(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const { exp } = await readSignature(service, call, 'download', `${bucket}/${key}`);
  const actor = call.service('storage.object.get_signed');
  return serve(service, call, actor, bucket, key, new Date(exp * 1000));
}

/** GET /object/info/{bucket}/{key}. */
export async function info(service: Service, call: Call, bucket: string, key: string): Promise<Response> {
  // The platform also names this operation without the leading `storage.`.
  const actor = await reader(service, call, bucket, 'object.get_authenticated_info');
  return describe(service, actor, bucket, key);
}

/** GET /object/info/public/{bucket}/{key}. */
export async function infoPublic(
  service: Service,
  call: Call,
  bucket: string,
  key: string,
): Promise<Response> {
  const actor = await publicReader(service, call, bucket, 'storage.object.info_public');
  return describe(service, actor, bucket, key);
}

async function describe(service: Service, actor: Actor, bucket: string, key: string): Promise<Response> {
  checkKey(key);
  const row = await service.db.run(actor, (tx) => findObject(tx, bucket, key));
  return Response.json({
    id: row.id,
    name: row.name,
    version: row.version,
    bucket_id: row.bucket_id,
    size: row.metadata?.size ?? null,
    content_type: row.metadata?.mimetype ?? null,
    cache_control: row.metadata?.cacheControl ?? null,
    etag: row.metadata?.eTag ?? null,
    metadata: row.user_metadata ?? {},
    last_modified: row.updated_at,
    created_at: row.created_at,
  });
}

/** The role that looks for the file: every route may read a public bucket; otherwise row policies decide. */
async function reader(service: Service, call: Call, bucketId: string, operation: string): Promise<Actor> {
  const visitor = await call.visitor(operation);
  const admin = call.service(operation);
  const bucket = await service.db.run(admin, (tx) => findBucket(tx, bucketId));
  if (bucket.public) return visitor ? asService(visitor) : admin;
  if (!visitor) throw failures.noSuchBucket();
  return visitor;
}

async function publicReader(
  service: Service,
  call: Call,
  bucketId: string,
  operation: string,
): Promise<Actor> {
  const actor = call.service(operation);
  const bucket = await service.db.run(actor, (tx) => findBucket(tx, bucketId));
  if (!bucket.public) throw failures.noSuchBucket();
  return actor;
}

async function serve(
  service: Service,
  call: Call,
  actor: Actor,
  bucket: string,
  key: string,
  expires?: Date,
): Promise<Response> {
  checkKey(key);
  if (call.query.get('versionId') !== null) throw failures.notEnabled('object versioning');
  const { row, bytes } = await openObject(service, actor, bucket, key);
  const headers = headersOf(row, call.query.get('download'), expires);
  const etag = headers.get('etag');
  if (isUnchanged(call.headers, etag, row.updated_at)) {
    await bytes.close();
    return new Response(null, { status: 304, headers });
  }

  const range = wantedRange(call.headers, etag, bytes.size);
  if (range === 'unsatisfiable') {
    await bytes.close();
    const refusal = failures.invalidRange().toResponse();
    refusal.headers.set('content-range', `bytes */${bytes.size}`);
    return refusal;
  }
  const start = range?.start ?? 0;
  const end = range?.end ?? bytes.size - 1;
  headers.set('content-length', String(end - start + 1));
  if (range) headers.set('content-range', `bytes ${start}-${end}/${bytes.size}`);
  const status = range ? 206 : 200;
  if (call.method !== 'HEAD') return new Response(bytes.stream(start, end), { status, headers });
  await bytes.close();
  return new Response(null, { status, headers });
}

/** Finds the row and opens its bytes. Looks again when they were replaced between the two. */
async function openObject(
  service: Service,
  actor: Actor,
  bucket: string,
  key: string,
): Promise<{ row: ObjectRow; bytes: OpenedBytes }> {
  let missing: string | null | undefined;
  for (;;) {
    const row = await service.db.run(actor, (tx) => findObject(tx, bucket, key));
    const bytes = await service.files.open(row.version);
    if (bytes) return { row, bytes };
    if (row.version === missing) throw failures.noSuchKey();
    missing = row.version;
  }
}

function headersOf(row: ObjectRow, downloadAs: string | null, expires: Date | undefined): Headers {
  const safe = (value: string | undefined, otherwise: string) =>
    value !== undefined && isHeaderValue(value) ? value : otherwise;
  const type = safe(row.metadata?.mimetype, 'application/octet-stream');
  const headers = new Headers({
    'accept-ranges': 'bytes',
    // A stored page must not run as a page of the API's own address.
    'content-type': type.toLowerCase().includes('text/html') ? 'text/plain' : type,
    'x-content-type-options': 'nosniff',
    // As on the platform: search engines list no stored file.
    'x-robots-tag': 'none',
    etag: safe(row.metadata?.eTag, `"${row.version}"`),
    'last-modified': row.updated_at.toUTCString(),
  });
  if (expires) headers.set('expires', expires.toUTCString());
  else headers.set('cache-control', safe(row.metadata?.cacheControl, 'no-cache'));
  if (row.metadata?.contentEncoding)
    headers.set('content-encoding', safe(row.metadata.contentEncoding, 'identity'));
  if (downloadAs !== null) headers.set('content-disposition', attachment(downloadAs));
  return headers;
}

/**
 * Names a download twice (RFC 6266): in ASCII for old clients, with `_` for every other sign, and whole. Signs that
 * a header cannot hold are encoded, so that a name ends no header.
 */
function attachment(name: string): string {
  if (name === '') return 'attachment;';
  const ascii = name.replace(/[^\x20-\x7e]|["\\]/gu, '_');
  const plain = /^[\w!#$%&'*+.^`|~-]+$/.test(ascii) ? ascii : `"${ascii}"`;
  const whole = encodeURIComponent(name).replace(
    /['()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `attachment; filename=${plain}; filename*=UTF-8''${whole}`;
}

function isUnchanged(headers: Headers, etag: string | null, updatedAt: Date): boolean {
  const known = headers.get('if-none-match');
  if (known !== null) {
    return known.split(',').some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag);
  }
  const since = Date.parse(headers.get('if-modified-since') ?? '');
  return !Number.isNaN(since) && Math.floor(updatedAt.getTime() / 1000) * 1000 <= since;
}

/** The one range that was requested. Several ranges, or unknown units, mean the whole file. */
function wantedRange(
  headers: Headers,
  etag: string | null,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | null {
  const found = /^bytes=(\d*)-(\d*)$/.exec(headers.get('range')?.trim() ?? '');
  const condition = headers.get('if-range');
  if (!found || (found[1] === '' && found[2] === '') || (condition !== null && condition !== etag))
    return null;
  const [, first, last] = found;
  if (!first) {
    const length = Math.min(Number(last), size);
    return length > 0 ? { start: size - length, end: size - 1 } : 'unsatisfiable';
  }
  const start = Number(first);
  const end = last ? Math.min(Number(last), size - 1) : size - 1;
  if (last && Number(last) < start) return null;
  return start < size ? { start, end } : 'unsatisfiable';
}
