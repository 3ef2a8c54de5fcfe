import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readMultipart } from '../../local/storage/multipart.ts';

/** Cuts bytes into pieces of the given sizes, over and over. */
async function* cut(bytes: Buffer, sizes: number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

async function collect(bytes: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of bytes) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function encode(file: Uint8Array<ArrayBuffer>, fields: [string, string][]): Promise<[Buffer, string]> {
  const form = new FormData();
  for (const [name, value] of fields) form.append(name, value);
  form.append('', new Blob([file], { type: 'image/png' }));
  const request = new Request('http://localhost', { method: 'POST', body: form });
  return [Buffer.from(await request.arrayBuffer()), request.headers.get('content-type') ?? ''];
}

// Bytes that like to look like a boundary.
const tricky = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc
    .array(fc.constantFrom('\r', '\n', '-', '--', '\r\n--', '\r\n------formdata-undici-0', 'x'), {
      maxLength: 60,
    })
    .map((parts) => new Uint8Array(Buffer.from(parts.join('')))),
);
const sizes = fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 6 });

describe('reading a form', () => {
  it('reads the file and the fields, wherever the form was cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(tricky, sizes, fc.string({ maxLength: 40 }), async (file, pieces, value) => {
        const bytes = new Uint8Array(file);
        const [body, contentType] = await encode(bytes, [
          ['cacheControl', '3600'],
          ['metadata', value],
        ]);
        const form = await readMultipart(cut(body, pieces), contentType);
        expect(form.fields.get('cacheControl')).toBe('3600');
        // A form turns every line end into CR LF.
        expect(form.fields.get('metadata')).toBe(value.replace(/\r\n?|\n/g, '\r\n'));
        expect(form.contentType).toBe('image/png');
        expect((await collect(form.bytes)).equals(Buffer.from(bytes))).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('refuses a form that ends anywhere before its closing boundary', async () => {
    const [body, contentType] = await encode(new Uint8Array([1, 2, 3]), [['cacheControl', '3600']]);
    const end = body.lastIndexOf('--') + 2;
    for (let length = 0; length < end; length += 1) {
      const read = async () =>
        collect((await readMultipart(cut(body.subarray(0, length), [50]), contentType)).bytes);
      await expect(read(), `${length} of ${body.length}`).rejects.toThrow();
    }
  });

  it('refuses a form without a file, without a boundary, or with a field that is too large', async () => {
    const type = 'multipart/form-data; boundary=b';
    const read = (text: string, contentType = type) =>
      readMultipart(cut(Buffer.from(text), [64_000]), contentType);
    const field = '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n';
    await expect(read(`${field}1\r\n--b--\r\n`)).rejects.toThrow('no file');
    await expect(read('', 'multipart/form-data')).rejects.toThrow('boundary');
    await expect(read(`${field}${'x'.repeat(2_000_000)}\r\n--b--\r\n`)).rejects.toThrow('too long');
    await expect(read('x'.repeat(100_000))).rejects.toThrow('too long');
    await expect(
      read(`${field}1\r\n--b`.concat(`\r\n${field.slice(5)}1\r\n--b`.repeat(200))),
    ).rejects.toThrow();
  });
});
