import { z } from 'zod';

/** Body of POST /media/complete. */
export const completeMediaRequest = z.strictObject({ media_id: z.uuid() });

/** An upload as `media_to_check` and `complete_media` answer it. */
export const media = z.looseObject({
  id: z.uuid(),
  bucket: z.string(),
  path: z.string(),
  mime_type: z.string(),
  byte_size: z.int(),
  sha256: z.string(),
  status: z.enum(['reserved', 'processing', 'ready']),
});
