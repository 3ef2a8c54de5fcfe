import { completeMediaRequest, media } from '../_shared/contracts/media.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError, appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import { sniffImage } from './sniff.ts';

/** Where checked bytes lie: beside the path of the ticket, under a name that nobody can guess. */
function checkedPath(path: string): string {
  const random = crypto.randomUUID().replaceAll('-', '');
  return path.replace(/\.([a-z]+)$/, `-${random}.$1`);
}

/**
 * POST /media/complete: makes an upload usable once its bytes are what its ticket announced.
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
    errors: ['media_not_ready', 'media_mismatch'],
    async run({ body, user, trace, note }) {
      const service = db.service(trace);
      const ask = { media_id: body.media_id, owner_id: user.id };
      const ticket = await service.call('media_to_check', ask, media);
      note({ media_id: ticket.id });
      if (ticket.status === 'ready') return ticket;
      const nothing = () =>
        appError('media_not_ready', { media_id: ticket.id, problem: 'nothing was uploaded' });
      const path = checkedPath(ticket.path);
      if (!(await db.objects.move(ticket.bucket, ticket.path, path))) {
        // Nothing was uploaded, or another call has moved it.
        const now = await service.call('media_to_check', ask, media);
        if (now.status === 'ready') return now;
        throw nothing();
      }
      // What is too large is not read.
      const size = await db.objects.size(ticket.bucket, path);
      if (size !== null && size !== ticket.byte_size) {
        await db.objects.remove(ticket.bucket, path);
        throw appError('media_mismatch', { found: { byte_size: size } });
      }
      const bytes = await db.objects.read(ticket.bucket, path);
      if (!bytes) throw nothing();
      const found = {
        mime_type: sniffImage(bytes) ?? 'application/octet-stream',
        byte_size: bytes.byteLength,
        sha256: await sha256Hex(bytes),
      };
      try {
        return await service.call('complete_media', { media_id: ticket.id, path, ...found }, media);
      } catch (error) {
        // After any other failure nobody can say whether the upload is ready, so the bytes stay. If it is not, they
        // are nobody's, and the client uploads once more.
        if (error instanceof AppError && error.code === 'media_mismatch') {
          await db.objects.remove(ticket.bucket, path);
        }
        throw error;
      }
    },
  });
  return serveEndpoints('media', [complete], http);
}
