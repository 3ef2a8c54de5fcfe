import type { CallOptions, Calls, Try } from './core/calls.ts';
import { storageFailure } from './core/failure.ts';
import { localError } from './core/rows.ts';
import { sha256Hex } from './core/sha256.ts';
import { wait } from './core/wait.ts';
import type { ErrorCode } from './generated/errors.ts';
import type { Media, MediaPurpose, MediaSize, StoredFile } from './media-rows.ts';
import { type Failed, fail, type Result, succeed } from './result.ts';

/** A file to be uploaded. */
export interface Upload {
  purpose: MediaPurpose;
  /** React Native: give an ArrayBuffer or Uint8Array, its Blob can't be read. At most 10 MB (avatars 5 MB, documents 20 MB, films 50 MB). */
  file: Blob | ArrayBuffer | Uint8Array;
  /**
   * `image/jpeg`, `image/png`, `image/webp` or `image/heic`; of a `chat_video` `video/mp4` or `video/quicktime`; of a
   * `chat_document` `application/pdf` or that of a Word, Excel or PowerPoint file. It must be what the bytes are.
   */
  mimeType: string;
}

/** How long the sending of the bytes may take, when the call says nothing else. */
const uploadTimeoutMs = 120_000;
/** As many as Storage signs in one request. */
const mostAtOnce = 500;

/** How a picture is shown. */
export interface Shown {
  /** Default: large. */
  size?: MediaSize;
  /** Seconds until the address ends. Default: one hour. */
  expiresIn?: number;
}

/** How long an upload waits for its pictures, when the call says nothing else. */
const readyMs = 10_000;
const firstLookMs = 200;
/** Longest side in pixels. */
const sides: Record<MediaSize, number> = { thumbnail: 320, medium: 960, large: 2048 };
/** These bytes stay wrong, and a lost ticket stays lost: the next upload begins anew. */
const final: readonly string[] = [
  'media_mismatch',
  'media_not_found',
  'media_unreadable',
  'media_extra_data',
  'media_too_many_pixels',
] satisfies ErrorCode[];

/** Pictures: uploaded under a ticket, checked by the backend, shown through signed addresses. */
export class MediaFiles {
  readonly #calls: Calls;
  // Tickets of uploads that did not come to their end, so that the same upload goes on where it stopped.
  readonly #open = new Map<string, Media>();

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Uploads a picture: asks for a ticket, sends the bytes, has them checked, and waits up to `waitMs` (default 10000)
   * until it can be shown. If a step fails, the same call again goes on from there. The answer's `id` is what other
   * calls take, also while its `status` is still `processing`; `whenReady` waits longer.
   * Errors: `invalid_input`, `media_type_refused`, `media_too_large`, `media_quota_exceeded`, `rate_limited`,
   * `not_found`, `forbidden`, `media_not_found`, `media_unreadable`, `media_too_many_pixels`,
   * `media_mismatch`, `media_not_ready`, `media_extra_data`.
   *
   * @example
   * ```ts
   * const { data: photo, error } = await journey.media.upload({ purpose: 'vehicle_image', file, mimeType: 'image/jpeg' });
   * if (photo) await journey.vehicles.addImage({ vehicleId, mediaId: photo.id, position: 0 });
   * ```
   */
  async upload(
    { purpose, file, mimeType }: Upload,
    options?: CallOptions & { waitMs?: number },
  ): Promise<Result<Media>> {
    const bytes = await toBytes(file);
    const sha256 = await sha256Hex(bytes);
    const name = [purpose, mimeType, bytes.length, sha256].join(':');
    let ticket = this.#open.get(name);
    if (!ticket || Date.parse(ticket.expires_at) <= Date.now()) {
      const asked = await this.#calls.rpc(
        'request_upload',
        { purpose, mime_type: mimeType, byte_size: bytes.length, sha256 },
        options,
      );
      if (asked.error) return asked;
      ticket = asked.data;
      this.#open.set(name, ticket);
    }
    const sent = await this.#send(ticket, bytes, options);
    if (sent.error) return sent;
    const done = await this.#calls.invoke<Media>(
      'repeatable',
      'media/complete',
      { media_id: ticket.id },
      options,
    );
    if (!done.error || final.includes(done.error.code)) this.#open.delete(name);
    if (done.error || done.data.status !== 'processing' || options?.waitMs === 0) return done;
    const ready = await this.whenReady(ticket.id, options);
    return ready.error?.code === 'media_not_ready' ? done : ready;
  }

  /**
   * Waits until an upload of the caller can be shown, up to `waitMs` (default 10000).
   * Errors: `media_not_found`, `media_not_ready`.
   */
  async whenReady(mediaId: string, options?: CallOptions & { waitMs?: number }): Promise<Result<Media>> {
    const until = Date.now() + (options?.waitMs ?? readyMs);
    for (let pause = firstLookMs; ; pause = Math.min(pause * 1.5, 2000)) {
      const found = await this.#calls.table<Media[]>(
        'read',
        (client) => client.from('media').select().eq('id', mediaId),
        options,
      );
      if (found.error) return found;
      const [media] = found.data;
      if (!media || media.status === 'deleted')
        return fail(localError('media_not_found', { media_id: mediaId }, options));
      if (media.status === 'ready') return succeed(media);
      if (media.status === 'refused')
        return fail(localError(media.refused_code as ErrorCode, { media_id: mediaId }, options));
      if (Date.now() + pause > until)
        return fail(localError('media_not_ready', { media_id: mediaId }, options));
      await wait(pause, options?.signal);
    }
  }

  #send(ticket: Media, bytes: Uint8Array, options?: CallOptions): Promise<Result<null>> {
    return this.#calls.run<null>(
      // a film over a slow line: 40 KB a second are enough
      { kind: 'repeatable', options, timeoutMs: Math.max(uploadTimeoutMs, bytes.length / 40) },
      async ({ headers }): Promise<Try<null>> => {
        const bucket = this.#calls.client.storage.from(ticket.bucket);
        const { error } = await bucket.upload(ticket.path, bytes, { contentType: ticket.mime_type, headers });
        // Already there: an earlier try arrived. Whether it is whole is checked by media/complete.
        if (!error || isDuplicate(error)) return { data: null };
        return { failure: storageFailure(error) };
      },
    );
  }

  /**
   * An address under which a picture can be shown until it expires.
   * Errors: `not_found`, `forbidden`.
   *
   * @example
   * ```ts
   * const { cover_bucket: bucket, cover_path: path } = hit;
   * if (bucket && path) show(await journey.media.url({ bucket, path }, 'thumbnail'));
   * ```
   */
  async url(
    file: StoredFile,
    size: MediaSize,
    options?: CallOptions & Pick<Shown, 'expiresIn'>,
  ): Promise<Result<string>> {
    return this.signedUrl(file, { ...options, size });
  }

  /**
   * An address under which a picture can be shown until it expires, of its large size when nothing else is asked for.
   * Errors: `not_found`, `forbidden`.
   */
  async signedUrl(file: StoredFile, options?: CallOptions & Shown): Promise<Result<string>> {
    const refused = refuseFile(file, options);
    if (refused) return refused;
    const { path, transform } = placeOf(file, options?.size);
    return this.#calls.run<string>({ kind: 'read', options }, async (): Promise<Try<string>> => {
      const bucket = this.#calls.client.storage.from(file.bucket);
      const { data, error } = await bucket.createSignedUrl(path, options?.expiresIn ?? 3600, { transform });
      return error ? { failure: storageFailure(error) } : { data: data.signedUrl };
    });
  }

  /**
   * The same for many files, with one request for all that are in one bucket. The addresses come in the order of the
   * files; null where there is no file, none that the caller may see, or one that is not ready.
   * Errors: `not_found`, `forbidden`.
   *
   * @example
   * ```ts
   * const { data: vehicle } = await journey.vehicles.get(vehicleId);
   * const { data: urls } = await journey.media.signedUrls(vehicle?.images ?? []);
   * ```
   */
  async signedUrls(
    files: readonly (StoredFile | null)[],
    options?: CallOptions & Shown,
  ): Promise<Result<(string | null)[]>> {
    const paths = new Map<string, Set<string>>();
    const urls = new Map<string, string>();
    for (const file of files) {
      if (!file || file.status === 'processing') continue;
      const refused = refuseFile(file, options);
      if (refused) return refused;
      const { path, transform } = placeOf(file, options?.size);
      if (!transform) paths.set(file.bucket, (paths.get(file.bucket) ?? new Set()).add(path));
      else {
        // Storage signs a transformation only by itself
        const signed = await this.signedUrl(file, options);
        if (signed.error && signed.error.code !== 'not_found') return signed;
        if (signed.data) urls.set(`${file.bucket}/${path}`, signed.data);
      }
    }
    for (const [bucket, wanted] of paths) {
      const all = [...wanted];
      for (let at = 0; at < all.length; at += mostAtOnce) {
        const signed = await this.#signMany(bucket, all.slice(at, at + mostAtOnce), options);
        if (signed.error) return signed;
        for (const [path, url] of signed.data) urls.set(`${bucket}/${path}`, url);
      }
    }
    const urlOf = (file: StoredFile) =>
      urls.get(`${file.bucket}/${placeOf(file, options?.size).path}`) ?? null;
    return succeed(files.map((file) => (file && file.status !== 'processing' ? urlOf(file) : null)));
  }

  #signMany(
    bucket: string,
    paths: string[],
    options?: CallOptions & { expiresIn?: number },
  ): Promise<Result<[path: string, url: string][]>> {
    return this.#calls.run<[string, string][]>({ kind: 'read', options }, async () => {
      const { data, error } = await this.#calls.client.storage
        .from(bucket)
        .createSignedUrls(paths, options?.expiresIn ?? 3600);
      if (error) return { failure: storageFailure(error) };
      return { data: data.flatMap(({ path, signedUrl }) => (path && signedUrl ? [[path, signedUrl]] : [])) };
    });
  }
}

/**
 * Where one size of a picture is. Its path says who made it: beside a `large.jpeg` are the other sizes, of a `whole.jpeg`
 * Storage makes them.
 */
function placeOf(
  { path }: StoredFile,
  size: MediaSize = 'large',
): { path: string; transform?: { width: number; height: number; resize: 'contain' } } {
  if (path.endsWith('/large.jpeg')) return { path: path.replace(/large\.jpeg$/, `${size}.webp`) };
  if (!path.endsWith('/whole.jpeg')) return { path };
  return { path, transform: { width: sides[size], height: sides[size], resize: 'contain' } };
}

/** A file that is not plain is no file of the backend's, and one that is processed still has no address. */
function refuseFile(file: StoredFile, options?: CallOptions): Failed | null {
  if (file.status === 'processing') return fail(localError('media_not_ready', {}, options));
  const field = (['bucket', 'path'] as const).find((name) => !isPlainPath(file[name]));
  if (!field) return null;
  return fail(localError('invalid_input', { field, problem: 'must be as the backend gave it' }, options));
}

/** Whether a text stays what it is as part of an address. The backend's own bucket names and paths all do. */
function isPlainPath(text: unknown): boolean {
  return String(text)
    .split('/')
    .every((part) => /^[\w.-]+$/.test(part) && !/^\.+$/.test(part));
}

function isDuplicate(error: { code?: string; statusCode?: string; message: string }): boolean {
  return error.statusCode === '409' || error.code === 'KeyAlreadyExists' || error.code === 'Duplicate';
}

async function toBytes(file: Blob | ArrayBuffer | Uint8Array): Promise<Uint8Array> {
  if (file instanceof Uint8Array) return file;
  if (file instanceof ArrayBuffer) return new Uint8Array(file);
  if (typeof file.arrayBuffer === 'function') return new Uint8Array(await file.arrayBuffer());
  throw new TypeError('This Blob can not be read here: give the bytes as an ArrayBuffer or Uint8Array.');
}
