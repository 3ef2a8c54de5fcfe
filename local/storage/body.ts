import { failures } from './errors.ts';

/** How much of a refused body is still read, so that the sender sees the refusal. */
const drainLimit = 256 * 1024 * 1024;

/** The body of a request, read once, in pieces. */
export class Body implements AsyncIterable<Uint8Array> {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array> | null;

  constructor(stream: ReadableStream<Uint8Array> | null) {
    this.#reader = stream?.getReader() ?? null;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const piece = await this.#read();
      if (!piece) return;
      yield piece;
    }
  }

  /** The body. It is refused as incomplete unless it has exactly the announced number of bytes. */
  async *exactly(announced: number | null): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const piece of this) {
      size += piece.byteLength;
      yield piece;
    }
    if (announced !== null && size !== announced) throw failures.aborted();
  }

  async text(limit: number): Promise<string> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of this) {
      size += piece.byteLength;
      if (size > limit) throw failures.entityTooLarge();
      pieces.push(piece);
    }
    return Buffer.concat(pieces).toString('utf8');
  }

  /**
   * Discards what was not read. DO NOT cancel it instead: that would close the connection of a sender that has
   * not yet seen the answer.
   */
  async release(): Promise<void> {
    try {
      let dropped = 0;
      for await (const piece of this) {
        dropped += piece.byteLength;
        if (dropped > drainLimit) break;
      }
      await this.#reader?.cancel();
    } catch {
      // The sender is gone.
    }
  }

  async #read(): Promise<Uint8Array | null> {
    if (!this.#reader) return null;
    try {
      const { done, value } = await this.#reader.read();
      return done ? null : value;
    } catch {
      throw failures.aborted();
    }
  }
}
