import { appError, inputError } from './errors.ts';

/** The largest request body that is read, unless an endpoint sets its own limit. */
export const defaultMaxBytes = 64 * 1024;

/** Reads a body as text. Stops reading as soon as it passes the limit. */
export async function readText(request: Request, maxBytes: number = defaultMaxBytes): Promise<string> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > maxBytes) throw appError('payload_too_large', { max_bytes: maxBytes });
  if (!request.body) return '';
  const decoder = new TextDecoder();
  const reader = request.body.getReader();
  let size = 0;
  let text = '';
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > maxBytes) {
      await reader.cancel();
      throw appError('payload_too_large', { max_bytes: maxBytes });
    }
    text += decoder.decode(value, { stream: true });
  }
}

/** Reads a body as JSON. */
export async function readJson(request: Request, maxBytes?: number): Promise<unknown> {
  const text = await readText(request, maxBytes);
  try {
    return JSON.parse(text);
  } catch {
    throw inputError('body', 'must be JSON');
  }
}
