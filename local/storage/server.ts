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
  /** A superuser's connection: the role is switched in every transaction. */
  dbUrl: string;
  /** Where the bytes are kept. Used by one server at a time. */
  dir: string;
  keys: CallerKeys;
  /** The address of the whole API; clients put it in front of signed addresses, which are answered relative to it. */
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

/** Pictures are not resized here: an answer with the original would hide that from whoever asked. */
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

/** First match wins. `:` is one segment, handed on as a bucket's name; `*` is all the rest, an object's key. */
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

/** The platform's storage takes a token without an API key; a key or a token that is given must be right. */
async function identify(keys: CallerKeys, headers: Headers): Promise<Caller | null> {
  const apikey = headers.get('apikey');
  const authorization = headers.get('authorization');
  if (!apikey && !authorization) return null;
  try {
    const token = authorization?.replace(/^Bearer\s+/i, '').trim() ?? '';
    if (!apikey && !token.startsWith('sb_')) return await callerFromToken(keys, token);
    return await resolveCaller(keys, { apikey, authorization });
  } catch (error) {
    throw error instanceof CallerError ? failures.accessDenied(error.message) : error;
  }
}

function answerTo(error: unknown): Response {
  if (error instanceof StorageFailure) return error.toResponse();
  console.error('storage:', error);
  return failures.internal().toResponse();
}

/**
 * Serves the platform's Storage API from PostgreSQL and a folder. Who may do what is decided by the row policies
 * on `storage.objects` and `storage.buckets`, under the caller's role and claims. Left out, and refused by name or
 * as unknown: resized pictures, resumable (TUS) and S3 uploads, object versions, bucket lifecycles, cache purges.
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
      // An address outside is none of ours: it becomes one that no route matches.
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

/** Bytes whose row was never written, or was deleted just before a crash, belong to nobody. */
async function sweepOrphans(service: Service): Promise<void> {
  const request = new Request(`http://storage${base}`);
  const actor = new Call(request, '/', new URLSearchParams(), async () => null).service('storage.sweep');
  // Asked even when there is nothing to sweep: a database without the baseline is noticed now, not by a caller.
  await service.db.run(actor, (tx) => tx.rows('select from storage.objects limit 0'));
  await service.files.sweep(async (versions) => {
    const rows = await service.db.run(actor, (tx) =>
      tx.rows<{ version: string }>('select version from storage.objects where version = any($1)', [versions]),
    );
    return new Set(rows.map(({ version }) => version));
  });
}
