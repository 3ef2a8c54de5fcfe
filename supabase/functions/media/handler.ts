import { completeMediaRequest, mediaTicket } from '../_shared/contracts/media.ts';
import type { Deps } from '../_shared/deps.ts';
import { AppError, appError } from '../_shared/errors.ts';
import { endpoint, serveEndpoints } from '../_shared/http.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import { sniffImage } from './sniff.ts';

/**
 * POST /media/complete: makes an upload usable when its bytes match its ticket. Other bytes are removed, so
 * that the right ones can be uploaded while the ticket is valid.
 */
export function handle({ http, db }: Pick<Deps, 'http' | 'db'>): (request: Request) => Promise<Response> {
  const complete = endpoint({
    methods: ['POST'],
    path: '/complete',
    auth: 'user',
    body: completeMediaRequest,
    errors: ['media_not_ready'],
    async run({ body, user, trace, note }) {
      const service = db.service(trace);
      const ticket = await service.call(
        'media_to_check',
        { media_id: body.media_id, owner_id: user.id },
        mediaTicket,
      );
      note({ media_id: ticket.id });
      if (ticket.status === 'ready') return ticket;
      const bytes = await db.objects.read(ticket.bucket, ticket.path);
      if (!bytes) throw appError('media_not_ready', { media_id: ticket.id, problem: 'nothing was uploaded' });
      const found = {
        mime_type: sniffImage(bytes) ?? 'application/octet-stream',
        byte_size: bytes.byteLength,
        sha256: await sha256Hex(bytes),
      };
      try {
        return await service.call('complete_media', { media_id: ticket.id, ...found }, mediaTicket);
      } catch (error) {
        if (error instanceof AppError && error.code === 'media_mismatch') {
          await db.objects.remove(ticket.bucket, ticket.path);
        }
        throw error;
      }
    },
  });
  return serveEndpoints('media', [complete], http);
}
