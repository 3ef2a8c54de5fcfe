import { z } from 'zod';

/** Body of POST /media/complete. */
export const completeMediaRequest = z.strictObject({ media_id: z.uuid() });

/** An upload as `complete_media` answers it. */
export const media = z.looseObject({
  id: z.uuid(),
  bucket: z.string(),
  path: z.string(),
  mime_type: z.string(),
  byte_size: z.int(),
  sha256: z.string(),
  status: z.enum(['reserved', 'ready']),
});

/** The ticket of an upload as `media_to_check` answers it. */
export const mediaTicket = media.extend({ stored_size: z.int().nullable() });
