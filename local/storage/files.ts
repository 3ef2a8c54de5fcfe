import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failures } from './errors.ts';

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What is known of bytes once they are stored. */
export interface StoredBytes {
  version: string;
  size: number;
  eTag: string;
}

/** Bytes opened for reading. They stay readable when the object is replaced or removed meanwhile. */
export interface OpenedBytes {
  size: number;
  /** The bytes `start` to `end`, both included. Closes the file at the end. */
  stream(start: number, end: number): ReadableStream<Uint8Array>;
  close(): Promise<void>;
}

/**
 * The bytes of all objects, one file per version. The version names the file, never the object, so a name that
 * a caller chose does not reach the disk. A complete file never changes.
 */
export class Files {
  readonly #objects: string;
  readonly #incoming: string;

  constructor(dir: string) {
    this.#objects = join(dir, 'objects');
    this.#incoming = join(dir, 'incoming');
  }

  /** Creates the folders and removes what a killed process had received in part. */
  async prepare(): Promise<void> {
    await rm(this.#incoming, { recursive: true, force: true });
    await mkdir(this.#incoming, { recursive: true });
    await mkdir(this.#objects, { recursive: true });
  }

  /** Receives bytes as a new version: complete, on disk, and at most `limit` of them, or not at all. */
  async receive(bytes: AsyncIterable<Uint8Array>, limit: number): Promise<StoredBytes> {
    const version = randomUUID();
    const incoming = join(this.#incoming, version);
    const hash = createHash('md5');
    let size = 0;
    try {
      const file = await open(incoming, 'wx');
      try {
        for await (const chunk of bytes) {
          size += chunk.byteLength;
          if (size > limit) throw failures.entityTooLarge();
          hash.update(chunk);
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      await mkdir(this.#folder(version), { recursive: true });
      await rename(incoming, this.#path(version));
    } catch (error) {
      await rm(incoming, { force: true });
      throw error;
    }
    return { version, size, eTag: `"${hash.digest('hex')}"` };
  }

  /** Gives the bytes of `version` a second name, a new version. Bytes never change, so they can be shared. */
  async copy(version: string | null): Promise<string> {
    if (!version || !uuid.test(version)) throw failures.noSuchKey();
    const copied = randomUUID();
    await mkdir(this.#folder(copied), { recursive: true });
    try {
      await link(this.#path(version), this.#path(copied));
    } catch (error) {
      throw isMissing(error) ? failures.noSuchKey() : error;
    }
    return copied;
  }

  /** Opens a version; null when its bytes are gone. */
  async open(version: string | null): Promise<OpenedBytes | null> {
    if (!version || !uuid.test(version)) return null;
    let file: FileHandle;
    try {
      file = await open(this.#path(version), 'r');
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
    const { size } = await file.stat();
    return { size, stream: (start, end) => streamOf(file, start, end), close: () => file.close() };
  }

  /** Removes versions. A missing one is no error. */
  async remove(versions: Iterable<string | null>): Promise<void> {
    for (const version of versions) {
      if (version && uuid.test(version)) await rm(this.#path(version), { force: true });
    }
  }

  /** Removes every version that `known` does not recognise, and answers how many there were. */
  async sweep(known: (versions: string[]) => Promise<Set<string>>): Promise<number> {
    let swept = 0;
    for (const folder of await readdir(this.#objects)) {
      const versions = (await readdir(join(this.#objects, folder))).filter((name) => uuid.test(name));
      if (versions.length === 0) continue;
      const kept = await known(versions);
      const orphans = versions.filter((version) => !kept.has(version));
      await this.remove(orphans);
      swept += orphans.length;
    }
    return swept;
  }

  #folder(version: string): string {
    return join(this.#objects, version.slice(0, 2));
  }

  #path(version: string): string {
    if (!uuid.test(version)) throw new Error('A version is a UUID, nothing else becomes a path');
    return join(this.#folder(version), version);
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function streamOf(file: FileHandle, start: number, end: number): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const wanted = Math.min(64 * 1024, end - position + 1);
      const { bytesRead, buffer } =
        wanted > 0
          ? await file.read(new Uint8Array(wanted), 0, wanted, position)
          : { bytesRead: 0, buffer: new Uint8Array() };
      if (bytesRead > 0) controller.enqueue(buffer.subarray(0, bytesRead));
      position += bytesRead;
      if (bytesRead === 0 || position > end) {
        await file.close();
        controller.close();
      }
    },
    cancel: () => file.close(),
  });
}
