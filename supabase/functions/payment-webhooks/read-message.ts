import { defaultMaxBytes, readBytes } from '../_shared/body.ts';
import { type AppError, appError, inputError } from '../_shared/errors.ts';

/** A call to the webhook, as far as it was read. */
export interface ReceivedMessage {
  query: string;
  body: string;
  /** Why no provider can have sent it; null when one may have. */
  refusal: AppError | null;
}

const notText = inputError('body', 'must be UTF-8 without a NUL character');

/** Reads a call, also one that cannot be stored as it came: its beginning shows who sent what. */
export async function readMessage(request: Request, query: string): Promise<ReceivedMessage> {
  const tooLarge = appError('payload_too_large', { max_bytes: defaultMaxBytes });
  // both are stored in one text, with a line break between them
  const left = defaultMaxBytes - query.length - 1;
  if (left < 0) return { query: query.slice(0, defaultMaxBytes), body: '', refusal: tooLarge };
  if (request.method !== 'POST') return { query, body: '', refusal: null };
  const { bytes, cut } = await readBytes(request, left);
  if (cut) return { query, body: new TextDecoder().decode(bytes), refusal: tooLarge };
  try {
    const body = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { query, body, refusal: body.includes('\0') ? notText : null };
  } catch {
    return { query, body: new TextDecoder().decode(bytes), refusal: notText };
  }
}
