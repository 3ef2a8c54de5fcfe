import { completeMediaRequest, media } from '../_shared/contracts/media.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError, appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import { inspect } from './inspect.ts';
import { inspectFile } from './inspect-file.ts';

/** Only the service reads it: the originals hold what the camera wrote. */
const originals = 'originals';

/** The path of the ticket, with a name that nobody can guess: what is made of the bytes lies there too. */
function checkedPath(path: string): string {
  const random = crypto.randomUUID().replaceAll('-', '');
  return path.replace(/\.([a-z0-9]+)$/, `-${random}.$1`);
}

/**
 * POST /media/complete: takes an upload once its bytes are a whole picture, film or document and what its ticket announced.
 * Its pixels are read by a worker, which makes what is shown.
 *
 * The bytes are moved first and read then: a signed address, or an upload that is still under way, writes to the
 * path of the ticket and cannot change them any more. Each call moves to a path of its own. DO NOT remove at the path
 * of the ticket: the right bytes may have come there meanwhile. Bytes that are not what was announced are removed where
 * they were moved to, and the right ones can be uploaded while the ticket lasts.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const complete = endpoint({
    methods: ['POST'],
    path: '/complete',
    auth: 'user',
    body: completeMediaRequest,
    errors: ['media_not_ready', 'media_mismatch', 'media_unreadable', 'media_extra_data'],
    async run({ body, user, trace, note }) {
      const service = db.service(trace);
      const ask = { media_id: body.media_id, owner_id: user.id };
      const ticket = await service.call('media_to_check', ask, media);
      note({ media_id: ticket.id });
      if (ticket.status !== 'reserved') return ticket;
      const nothing = () =>
        appError('media_not_ready', { media_id: ticket.id, problem: 'nothing was uploaded' });
      const path = checkedPath(ticket.path);
      if (!(await db.objects.move(ticket.bucket, ticket.path, originals, path))) {
        // Nothing was uploaded, or another call has moved it.
        const now = await service.call('media_to_check', ask, media);
        if (now.status !== 'reserved') return now;
        throw nothing();
      }
      // What is too large is not read.
      const size = await db.objects.size(originals, path);
      if (size !== null && size !== ticket.byte_size) {
        await db.objects.remove(originals, path);
        throw appError('media_mismatch', { found: { byte_size: size } });
      }
      const bytes = await db.objects.read(originals, path);
      if (!bytes) throw nothing();
      const seen = ticket.mime_type.startsWith('image/') ? inspect(bytes) : inspectFile(bytes);
      if (!seen.whole && seen.mimeType === ticket.mime_type) {
        await db.objects.remove(originals, path);
        throw appError(seen.code, { media_id: ticket.id, problem: seen.problem });
      }
      const found = {
        mime_type: seen.mimeType ?? 'application/octet-stream',
        byte_size: bytes.byteLength,
        sha256: await sha256Hex(bytes),
        width: seen.whole ? seen.width : null,
        height: seen.whole ? seen.height : null,
      };
      try {
        return await service.call('complete_media', { media_id: ticket.id, path, ...found }, media);
      } catch (error) {
        // After any other failure nobody can say whether the upload was taken, so the bytes stay. If it was not, they
        // are nobody's, and the client uploads once more.
        if (error instanceof AppError && ['media_mismatch', 'media_too_many_pixels'].includes(error.code)) {
          await db.objects.remove(originals, path);
        }
        throw error;
      }
    },
  });
  return serveEndpoints('media', [complete], http);
}
