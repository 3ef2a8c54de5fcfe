import { z } from 'zod';
import { type Backend, Refused } from './backend.ts';
import { removeNotes } from './films.ts';
import type { Order, Outcome } from './pictures/order.ts';
import { StudioFailure } from './pictures/studio.ts';

/** One leased row of the outbox. */
export const job = z.looseObject({
  id: z.int(),
  topic: z.string(),
  payload: z.looseObject({ media_id: z.uuid().optional() }),
  attempts: z.int(),
  lease_token: z.uuid(),
  correlation_id: z.string().nullable(),
});
export type Job = z.infer<typeof job>;

/** What became of a job. Only `retry` and `dead_letter` count as failures. */
export type JobResult =
  | { kind: 'done'; result: Record<string, unknown> }
  | { kind: 'retry' | 'dead_letter'; error: string }
  | { kind: 'defer'; seconds: number; detail: string };

export interface Tools {
  backend: Backend;
  make(order: Order): Promise<Outcome>;
}

const done = (result: Record<string, unknown> = {}): JobResult => ({ kind: 'done', result });
const nothing = z.null().or(z.undefined());

/** After so many processes that a picture has ended, it is the picture. */
const mostFailures = 3;

const toDerive = z
  .looseObject({
    bucket: z.string(),
    stem: z.string(),
    path: z.string(),
    makes_pictures: z.boolean(),
    original: z.string(),
    mime_type: z.string(),
    max_megapixels: z.int(),
    by: z.enum(['worker', 'storage']),
  })
  .nullable();

/**
 * Makes and stores the pictures that are shown. Their paths follow from the upload, so a second try writes over what a
 * first one left. The row that makes the upload ready is written after the last file.
 */
async function derive(mediaId: string, { attempts }: Job, { backend, make }: Tools): Promise<JobResult> {
  const found = await backend.call('picture_to_derive', { media_id: mediaId }, toDerive);
  if (!found) return done({ skipped: 'nothing to be made' });
  const refuse = async (code: string, problem: string) => {
    await backend.call('refuse_picture', { media_id: mediaId, code }, nothing);
    return done({ refused: code, problem });
  };
  const bytes = await backend.read('originals', found.original);
  if (!bytes) return refuse('media_not_found', 'its bytes are gone');
  if (!found.makes_pictures) return serve(mediaId, found, bytes, backend);
  let outcome: Outcome;
  try {
    outcome = await make({
      bytes,
      mimeType: found.mime_type,
      maxMegapixels: found.max_megapixels,
      by: found.by,
    });
  } catch (error) {
    if (!(error instanceof StudioFailure)) throw error;
    if (attempts < mostFailures) return { kind: 'retry', error: error.message };
    return refuse('media_unreadable', error.message);
  }
  if (outcome.kind === 'refused') return refuse(outcome.code, outcome.problem);
  const files = outcome.made.map((made) => ({ ...made, path: `${found.stem}/${made.size}.${made.format}` }));
  for (const { path, bytes: content, format } of files)
    await backend.write(found.bucket, path, content, `image/${format}`);
  const derivatives = files.map(({ bytes: content, ...file }) => ({
    ...file,
    byte_size: content.byteLength,
  }));
  const args = { media_id: mediaId, derivatives, facts: outcome.facts };
  try {
    await backend.call('record_derivatives', args, z.looseObject({}));
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'media_not_found')) throw error;
    // deleted meanwhile, and nobody else knows of these files
    await backend.remove(
      found.bucket,
      files.map(({ path }) => path),
    );
    return done({ skipped: 'deleted meanwhile' });
  }
  return done({ files: files.length });
}

/** Stores a film without its notes, or a document as it is, where it is served. */
async function serve(
  mediaId: string,
  { bucket, path, mime_type: mimeType }: { bucket: string; path: string; mime_type: string },
  bytes: Uint8Array,
  backend: Backend,
): Promise<JobResult> {
  const removed = mimeType.startsWith('video/') ? removeNotes(bytes) : 0;
  await backend.write(bucket, path, bytes, mimeType);
  try {
    await backend.call('record_file', { media_id: mediaId }, z.looseObject({}));
  } catch (error) {
    if (!(error instanceof Refused && error.code === 'media_not_found')) throw error;
    // deleted meanwhile, and nobody else knows of this file
    await backend.remove(bucket, [path]);
    return done({ skipped: 'deleted meanwhile' });
  }
  return done({ files: 1, notes_removed: removed });
}

const objects = z.array(z.object({ bucket: z.string(), path: z.string() }));

async function removeAll(backend: Backend, found: z.infer<typeof objects>): Promise<number> {
  for (const [bucket, inBucket] of Map.groupBy(found, (object) => object.bucket))
    await backend.remove(
      bucket,
      inBucket.map(({ path }) => path),
    );
  return found.length;
}

/** Removes every file of an upload that was deleted or refused, then the rows that name them. */
async function erase(mediaId: string, { backend }: Tools): Promise<JobResult> {
  const found = await backend.call('media_objects', { media_id: mediaId }, objects);
  const removed = await removeAll(backend, found);
  await backend.call('forget_media', { media_id: mediaId }, nothing);
  return done({ removed });
}

/** How long one row sweeps before others get their turn. */
const sweepMs = 60_000;

/** Removes the files that no upload names, page by page. */
async function sweep({ backend }: Tools): Promise<JobResult> {
  const until = Date.now() + sweepMs;
  let removed = 0;
  for (;;) {
    const found = await backend.call('media_orphans', {}, objects);
    if (found.length === 0) return done({ removed });
    if (Date.now() > until)
      return { kind: 'defer', seconds: 1, detail: `${removed} removed, there are more` };
    removed += await removeAll(backend, found);
  }
}

/** Performs one leased row. Whatever goes wrong means another try. */
export async function perform(row: Job, tools: Tools): Promise<JobResult> {
  const { media_id: mediaId } = row.payload;
  try {
    if (row.topic === 'derive_media' && mediaId) return await derive(mediaId, row, tools);
    if (row.topic === 'erase_media' && mediaId) return await erase(mediaId, tools);
    if (row.topic === 'sweep_media') return await sweep(tools);
    return { kind: 'dead_letter', error: `no job is known for topic ${row.topic}` };
  } catch (error) {
    return { kind: 'retry', error: error instanceof Error ? error.message : String(error) };
  }
}
