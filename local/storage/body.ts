import { failures } from './errors.ts';

/** How much of a refused body is still read, so that the sender gets to see the refusal. */
const drainLimit = 256 * 1024 * 1024;

/** A request's body, read once and piece by piece. */
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

  /** The body, refused as incomplete unless it has exactly as many bytes as announced. */
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
   * Lets go of what was not read. It is read to its end and dropped: cancelling would close the connection under
   * a sender that has not yet seen the answer.
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
      // The sender is gone, and nobody is left to tell.
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
