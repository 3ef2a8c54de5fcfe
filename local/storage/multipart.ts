import { failures } from './errors.ts';

/** The file of a multipart form, and the fields that came before it. */
export interface MultipartUpload {
  fields: Map<string, string>;
  contentType: string | null;
  /** The bytes of the file. Fails when the form ends too early. */
  bytes: AsyncIterable<Uint8Array>;
}

const limits = { fields: 100, fieldBytes: 1024 * 1024, headerBytes: 16 * 1024, trailerBytes: 64 * 1024 };
const headersEnd = Buffer.from('\r\n\r\n');

/**
 * Reads a multipart form up to its file and passes that on as a stream. We have our own parser because
 * storage-js sends the file as a part with an empty name; `Request.formData()` would also hold the whole file
 * in memory.
 */
export async function readMultipart(
  body: AsyncIterable<Uint8Array>,
  contentType: string,
): Promise<MultipartUpload> {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`);
  const input = new Input(body);
  await input.take(delimiter, limits.headerBytes);
  const fields = new Map<string, string>();
  while (await startsPart(input)) {
    const headers = readHeaders(await input.take(headersEnd, limits.headerBytes));
    const disposition = headers.get('content-disposition') ?? '';
    const name = parameterOf(disposition, 'name');
    if (parameterOf(disposition, 'filename') !== null || !name) {
      return { fields, contentType: headers.get('content-type') ?? null, bytes: fileBytes(input, delimiter) };
    }
    if (fields.size >= limits.fields) throw failures.invalidRequest('The form has too many fields');
    fields.set(name, (await input.take(delimiter, limits.fieldBytes)).toString('utf8'));
  }
  throw failures.invalidRequest('The form has no file');
}

async function* fileBytes(input: Input, delimiter: Buffer): AsyncGenerator<Uint8Array> {
  yield* input.takeStream(delimiter);
  // Only a form that was read to its closing boundary is complete.
  while (await startsPart(input)) await input.take(delimiter, limits.trailerBytes);
}

function boundaryOf(contentType: string): string {
  const boundary = parameterOf(contentType, 'boundary');
  if (!boundary || boundary.length > 70)
    throw failures.invalidRequest('The multipart form names no boundary');
  return boundary;
}

function parameterOf(header: string, name: string): string | null {
  const found = new RegExp(`;\\s*${name}=(?:"((?:[^"\\\\]|\\\\.)*)"|([^;\\s]*))`, 'i').exec(header);
  return found ? (found[1] ?? found[2] ?? '') : null;
}

function readHeaders(block: Buffer): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.toString('utf8').split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}

/** After a boundary comes a line end and another part, or two dashes and nothing more. */
async function startsPart(input: Input): Promise<boolean> {
  const mark = (await input.exactly(2)).toString('latin1');
  if (mark === '--') return false;
  if (mark === '\r\n') return true;
  if (mark.trim() !== '') throw failures.invalidRequest('The multipart form is malformed');
  // Blanks may come before the line end.
  await input.take(Buffer.from('\r\n'), limits.headerBytes);
  return true;
}

/** The body, read piece by piece. */
class Input {
  readonly #source: AsyncIterator<Uint8Array>;
  // The first boundary has no line end of its own before it, so add one.
  #held: Buffer = Buffer.from('\r\n');

  constructor(body: AsyncIterable<Uint8Array>) {
    this.#source = body[Symbol.asyncIterator]();
  }

  async #more(): Promise<void> {
    const next = await this.#source.next();
    if (next.done) throw failures.aborted();
    this.#held = this.#held.length === 0 ? Buffer.from(next.value) : Buffer.concat([this.#held, next.value]);
  }

  async exactly(count: number): Promise<Buffer> {
    while (this.#held.length < count) await this.#more();
    const taken = this.#held.subarray(0, count);
    this.#held = this.#held.subarray(count);
    return taken;
  }

  /** Skips everything before `mark`. Refuses when that is longer than `limit`. */
  async take(mark: Buffer, limit: number): Promise<Buffer> {
    let at = this.#held.indexOf(mark);
    while (at < 0) {
      if (this.#held.length > limit + mark.length)
        throw failures.invalidRequest('A part of the form is too long');
      await this.#more();
      at = this.#held.indexOf(mark);
    }
    if (at > limit) throw failures.invalidRequest('A part of the form is too long');
    const taken = this.#held.subarray(0, at);
    this.#held = this.#held.subarray(at + mark.length);
    return taken;
  }

  /** As {@link take}, without a limit, and holding at most one piece. */
  async *takeStream(mark: Buffer): AsyncGenerator<Uint8Array> {
    let at = this.#held.indexOf(mark);
    while (at < 0) {
      // The mark may begin at the end of what is held.
      const safe = this.#held.length - (mark.length - 1);
      if (safe > 0) {
        yield this.#held.subarray(0, safe);
        this.#held = this.#held.subarray(safe);
      }
      await this.#more();
      at = this.#held.indexOf(mark);
    }
    if (at > 0) yield this.#held.subarray(0, at);
    this.#held = this.#held.subarray(at + mark.length);
  }
}
