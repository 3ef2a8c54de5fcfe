import {
  type Caller,
  CallerError,
  type CallerKeys,
  callerFromToken,
  resolveCaller,
} from '../gateway/caller.ts';
import { createBucket, deleteBucket, emptyBucket, getBucket, listBuckets, updateBucket } from './buckets.ts';
import { Call, type Service } from './call.ts';
import { Database } from './db.ts';
import { download, downloadPublic, downloadSigned, info, infoPublic } from './download.ts';
import { failures, StorageFailure } from './errors.ts';
import { Files } from './files.ts';
import { list, listV2 } from './listing.ts';
import { checkBucketName, decode } from './names.ts';
import { copy, move, remove, removeOne } from './objects.ts';
import { signDownload, signDownloads, signUpload } from './sign.ts';
import { upload, uploadSigned } from './upload.ts';

/** How to run the storage server. */
export interface StorageOptions {
  /** A superuser's connection. Every transaction switches the role. */
  dbUrl: string;
  /** The folder of the bytes. Only one server at a time may use it. */
  dir: string;
  keys: CallerKeys;
  /**
   * The address of the whole API. Clients put it before signed addresses, which are answered relative to it.
   */
  publicUrl: string;
  /** The most bytes an object may have. Default: 50 MiB. */
  fileSizeLimit?: number;
}

/** A running storage server. */
export interface StorageServer {
  /** Answers a request under `/storage/v1`. Never throws. */
  fetch(request: Request): Promise<Response>;
  close(): Promise<void>;
}

const base = '/storage/v1';
const defaultLimit = 50 * 1024 * 1024;

type Operation = (service: Service, call: Call, first: string, key: string) => Promise<Response>;

/** Images are not resized here. An answer with the original would hide that from the caller, so refuse. */
const noImages: Operation = async () => {
  throw failures.notEnabled('image transformation');
};
const noLifecycle: Operation = async () => {
  throw failures.notEnabled('bucket lifecycle');
};
const noPurge: Operation = async () => {
  throw failures.notEnabled('cache purge');
};
const status: Operation = async () => Response.json({ status: 'ok' });

/** The first match wins. `:` is one segment, the name of a bucket; `*` is the rest, the key of an object. */
const routes: [methods: string, pattern: string, operation: Operation][] = [
  ['GET', 'status', status],
  ['GET', 'bucket', listBuckets],
  ['POST', 'bucket', createBucket],
  ['GET PUT DELETE', 'bucket/:/lifecycle', noLifecycle],
  ['POST', 'bucket/:/empty', emptyBucket],
  ['GET', 'bucket/:', getBucket],
  ['PUT', 'bucket/:', updateBucket],
  ['DELETE', 'bucket/:', deleteBucket],
  ['POST', 'object/move', move],
  ['POST', 'object/copy', copy],
  ['POST', 'object/list/:', list],
  ['POST', 'object/list-v2/:', listV2],
  ['POST', 'object/upload/sign/:/*', signUpload],
  ['PUT', 'object/upload/sign/:/*', uploadSigned],
  ['POST', 'object/sign/:', signDownloads],
  ['POST', 'object/sign/:/*', signDownload],
  ['GET HEAD', 'object/sign/:/*', downloadSigned],
  ['GET HEAD', 'object/info/public/:/*', infoPublic],
  ['GET HEAD', 'object/info/authenticated/:/*', info],
  ['GET HEAD', 'object/info/:/*', info],
  ['GET HEAD', 'object/public/:/*', downloadPublic],
  ['GET HEAD', 'object/authenticated/:/*', download],
  ['GET HEAD', 'object/:/*', download],
  ['POST PUT', 'object/:/*', upload],
  ['DELETE', 'object/:', remove],
  ['DELETE', 'object/:/*', removeOne],
  ['GET HEAD', 'render/image/*', noImages],
  ['DELETE', 'cdn/*', noPurge],
];

const table = routes.map(([methods, pattern, operation]) => ({
  methods: new Set(methods.split(' ')),
  pattern: new RegExp(`^/${pattern.replace(':', '(?<first>[^/]+)').replace('*', '(?<key>.*)')}/?$`),
  operation,
}));

async function dispatch(service: Service, call: Call): Promise<Response> {
  for (const { methods, pattern, operation } of table) {
    const found = methods.has(call.method) ? pattern.exec(call.path) : null;
    if (!found) continue;
    const { first, key } = found.groups ?? {};
    return operation(
      service,
      call,
      first === undefined ? '' : checkBucketName(decode(first)),
      decode(key ?? ''),
    );
  }
  const message = `Route ${call.method}:${call.path} not found`;
  return Response.json({ statusCode: '404', error: 'Not Found', message, code: 'NotFound' }, { status: 404 });
}

/** The platform's storage accepts a token without an API key. A key or token that is sent must be valid. */
async function identify(keys: CallerKeys, headers: Headers): Promise<Caller | null> {
  const apikey = headers.get('apikey');
  const authorization = headers.get('authorization');
  if (!apikey && !authorization) return null;
  try {
    const token = authorization?.replace(/^Bearer\s+/i, '').trim() ?? '';
    if (!apikey && !token.startsWith('sb_')) return await callerFromToken(keys, token);
    return await resolveCaller(keys, { apikey, authorization });
  } catch (error) {
    if (!(error instanceof CallerError)) throw error;
    // Of a token, the platform's storage says what the library that reads it says, as ours does.
    if (error.code === 'MalformedJWT') throw failures.accessDenied('Invalid Compact JWS');
    throw failures.accessDenied(error.cause instanceof Error ? error.cause.message : error.message);
  }
}

function answerTo(error: unknown): Response {
  if (error instanceof StorageFailure) return error.toResponse();
  console.error('storage:', error);
  return failures.internal().toResponse();
}

/**
 * Serves the platform's Storage API from PostgreSQL and a folder. The row policies on `storage.objects` and
 * `storage.buckets` decide, with the caller's role and claims. Not supported, and refused by name or as
 * unknown: resized images, resumable (TUS) and S3 uploads, object versions, bucket lifecycles, cache purges.
 */
export async function createStorage(options: StorageOptions): Promise<StorageServer> {
  const service: Service = {
    db: new Database(options.dbUrl),
    files: new Files(options.dir),
    keys: options.keys,
    fileSizeLimit: options.fileSizeLimit ?? defaultLimit,
  };
  try {
    await service.files.prepare();
    await sweepOrphans(service);
  } catch (error) {
    await service.db.close();
    throw error;
  }

  return {
    async fetch(request) {
      const url = new URL(request.url);
      // An address outside becomes one that no route matches.
      const path = url.pathname.startsWith(`${base}/`) ? url.pathname.slice(base.length) : '/';
      const call = new Call(request, path, url.searchParams, () => identify(options.keys, request.headers));
      try {
        const response = await dispatch(service, call).catch(answerTo);
        return request.method === 'HEAD' ? new Response(null, response) : response;
      } finally {
        void call.body.release();
      }
    },
    close: () => service.db.close(),
  };
}

/** Bytes without a row belong to nobody: the row was never written, or was deleted just before a crash. */
async function sweepOrphans(service: Service): Promise<void> {
  const request = new Request(`http://storage${base}`);
  const actor = new Call(request, '/', new URLSearchParams(), async () => null).service('storage.sweep');
  // Called even when there is nothing to remove, so that a database without the baseline is noticed now and not
  // by a caller.
  await service.db.run(actor, (tx) => tx.rows('select from storage.objects limit 0'));
  await service.files.sweep(async (versions) => {
    const rows = await service.db.run(actor, (tx) =>
      tx.rows<{ version: string }>('select version from storage.objects where version = any($1)', [versions]),
    );
    return new Set(rows.map(({ version }) => version));
  });
}
