import { appError, inputError } from './errors.ts';

/** The largest request body that is read, unless an endpoint sets its own limit. */
export const defaultMaxBytes = 64 * 1024;

export interface ReadBytes {
  bytes: Uint8Array<ArrayBuffer>;
  /** Whether there was more: then `bytes` is the beginning. */
  cut: boolean;
}

/** Reads a body. Stops reading as soon as it passes the limit. */
export async function readBytes(request: Pick<Request, 'body'>, maxBytes: number): Promise<ReadBytes> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  while (reader && size <= maxBytes) {
    const { done, value } = await reader.read();
    if (done) break;
    chunks.push(value);
    size += value.byteLength;
  }
  const cut = size > maxBytes;
  if (cut) await reader?.cancel();
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return { bytes: bytes.slice(0, maxBytes), cut };
}

/** Reads a body as text. */
export async function readText(request: Request, maxBytes: number = defaultMaxBytes): Promise<string> {
  const announced = Number(request.headers.get('content-length') ?? 0);
  if (announced > maxBytes) throw appError('payload_too_large', { max_bytes: maxBytes });
  const { bytes, cut } = await readBytes(request, maxBytes);
  if (cut) throw appError('payload_too_large', { max_bytes: maxBytes });
  return new TextDecoder().decode(bytes);
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
