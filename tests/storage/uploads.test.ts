import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createStorage } from '../../local/storage/server.ts';
import {
  everyRight,
  openWorld,
  refusal,
  type Storage,
  superuserUrl,
  testKeys,
  type World,
} from './harness.ts';

let world: World;
let bucket: string;
const owner = randomUUID();
let user: Storage;

beforeAll(async () => {
  world = await openWorld();
  bucket = await world.bucket({ rights: everyRight });
  user = await world.user(owner);
});
afterAll(() => world?.close());

const path = (name: string) => `${owner}/${name}`;
const textOf = async (name: string, from = bucket) => {
  const { data, error } = await user.from(from).download(path(name));
  if (error) throw error;
  return data.text();
};
const rowsNamed = async (name: string) =>
  (await world.sql.query('select * from storage.objects where bucket_id = $1 and name = $2', [bucket, name]))
    .rows;

describe('what can be uploaded', () => {
  it('stores a Blob and keeps its type, size and cache time', async () => {
    const { data, error } = await user
      .from(bucket)
      .upload(path('blob.txt'), new Blob(['xin chào'], { type: 'text/plain' }), { cacheControl: '60' });
    expect(error).toBeNull();
    expect(data?.fullPath).toBe(`${bucket}/${path('blob.txt')}`);
    expect(await textOf('blob.txt')).toBe('xin chào');
    const [row] = await rowsNamed(path('blob.txt'));
    expect(row.id).toBe(data?.id);
    expect(row.owner_id).toBe(owner);
    expect(row.metadata).toMatchObject({
      mimetype: 'text/plain',
      size: 9,
      contentLength: 9,
      cacheControl: 'max-age=60',
    });
  });

  it('stores a File whose bytes look like the form around them', async () => {
    const bytes = Buffer.concat([
      Buffer.from('\r\n--\r\n------formdata-undici\r\n\r\n'),
      Buffer.from([0, 13, 10, 255]),
    ]);
    const file = new File([bytes], 'Ảnh.png', { type: 'image/png' });
    expect((await user.from(bucket).upload(path('file.png'), file)).error).toBeNull();
    const { data } = await user.from(bucket).download(path('file.png'));
    expect(data?.type).toBe('image/png');
    expect(Buffer.from((await data?.arrayBuffer()) ?? new ArrayBuffer())).toEqual(bytes);
  });

  it('stores the file of a form that names its part', async () => {
    const form = new FormData();
    form.append('anything', new Blob(['named'], { type: 'text/plain' }), 'named.txt');
    expect((await user.from(bucket).upload(path('form.txt'), form)).error).toBeNull();
    expect(await textOf('form.txt')).toBe('named');
  });

  it('stores an ArrayBuffer, a Buffer, a web stream and a Node stream', async () => {
    const bytes = new TextEncoder().encode('raw bytes');
    const bodies = {
      arrayBuffer: bytes.buffer.slice(0),
      buffer: Buffer.from(bytes),
      webStream: new Blob([bytes]).stream(),
      nodeStream: Readable.from([Buffer.from('raw '), Buffer.from('bytes')]),
    };
    for (const [name, body] of Object.entries(bodies)) {
      const { error } = await user
        .from(bucket)
        .upload(path(name), body, { contentType: 'application/octet-stream' });
      expect(error, name).toBeNull();
      expect(await textOf(name), name).toBe('raw bytes');
    }
  });

  it('stores a file of many pieces without losing a byte', async () => {
    const bytes = Buffer.alloc(3_000_000, 'Sài Gòn – Đà Lạt\r\n');
    expect((await user.from(bucket).upload(path('big'), new Blob([bytes]))).error).toBeNull();
    const { data } = await user.from(bucket).download(path('big'));
    expect(Buffer.from((await data?.arrayBuffer()) ?? new ArrayBuffer()).equals(bytes)).toBe(true);
  });

  it('stores an empty file', async () => {
    expect((await user.from(bucket).upload(path('empty'), new Blob([]))).error).toBeNull();
    expect(await textOf('empty')).toBe('');
  });

  it('keeps the metadata of the user, given with a Blob or with raw bytes', async () => {
    const metadata = { angle: 'front', note: 'trầy nhẹ' };
    await user.from(bucket).upload(path('meta-blob'), new Blob(['1']), { metadata });
    await user.from(bucket).upload(path('meta-raw'), Buffer.from('1'), { metadata });
    for (const name of ['meta-blob', 'meta-raw']) {
      expect((await user.from(bucket).info(path(name))).data?.metadata).toEqual(metadata);
    }
  });
});

describe('replacing', () => {
  it('refuses a key that is taken and leaves the file alone', async () => {
    await user.from(bucket).upload(path('taken'), new Blob(['first']));
    const again = await user.from(bucket).upload(path('taken'), new Blob(['second']));
    expect(refusal(again)).toEqual({
      status: '409',
      code: 'KeyAlreadyExists',
      message: 'The resource already exists',
    });
    expect(await textOf('taken')).toBe('first');
  });

  it('replaces with upsert and with update, keeping the id and dropping the old bytes', async () => {
    const first = await user.from(bucket).upload(path('replaced'), new Blob(['one']));
    const before = (await world.filesOnDisk())?.length;
    const second = await user.from(bucket).upload(path('replaced'), new Blob(['two']), { upsert: true });
    expect(await textOf('replaced')).toBe('two');
    const third = await user.from(bucket).update(path('replaced'), new Blob(['three']));
    expect(await textOf('replaced')).toBe('three');
    expect([second.data?.id, third.data?.id]).toEqual([first.data?.id, first.data?.id]);
    expect((await world.filesOnDisk())?.length).toBe(before);
  });

  it('lets one of many uploads of the same key win and refuses the others', async () => {
    const before = (await world.filesOnDisk())?.length;
    const results = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        user.from(bucket).upload(path('race'), new Blob([`upload ${at}`])),
      ),
    );
    const winners = results.flatMap(({ error }, at) => (error ? [] : [at]));
    expect(winners).toHaveLength(1);
    expect(results.filter((result) => refusal(result)?.code === 'KeyAlreadyExists')).toHaveLength(7);
    expect(await textOf('race')).toBe(`upload ${winners[0]}`);
    if (before !== undefined) expect((await world.filesOnDisk())?.length).toBe(before + 1);
  });

  it('ends many upserts of the same key with one whole file and no bytes left over', async () => {
    await user.from(bucket).upload(path('storm'), new Blob(['start']));
    const before = (await world.filesOnDisk())?.length;
    const texts = Array.from({ length: 8 }, (_, at) => `upsert ${at} `.repeat(20_000));
    const results = await Promise.all(
      texts.map((text) => user.from(bucket).upload(path('storm'), new Blob([text]), { upsert: true })),
    );
    expect(results.map(({ error }) => error)).toEqual(texts.map(() => null));
    expect(texts).toContain(await textOf('storm'));
    expect((await world.filesOnDisk())?.length).toBe(before);
  });
});

describe('limits', () => {
  it('takes only the types of the bucket, one by one or by family', async () => {
    const pictures = await world.bucket({
      rights: everyRight,
      allowedMimeTypes: ['image/*', 'application/pdf'],
    });
    const send = (type: string) => user.from(pictures).upload(path(randomUUID()), new Blob(['x'], { type }));
    expect((await send('image/webp')).error).toBeNull();
    expect((await send('application/pdf')).error).toBeNull();
    const refused = await send('text/html');
    expect(refusal(refused)).toEqual({
      status: '415',
      code: 'InvalidMimeType',
      message: 'mime type text/html is not supported',
    });
    expect(refusal(await send('imagex/png'))?.code).toBe('InvalidMimeType');
  });

  it('accepts the placeholder of an empty folder with any type, but only without bytes', async () => {
    const pictures = await world.bucket({ rights: everyRight, allowedMimeTypes: ['image/*'] });
    const send = (name: string, bytes: string, type: string) =>
      user.from(pictures).upload(path(`${randomUUID()}/${name}`), new Blob([bytes], { type }));
    expect((await send('.emptyFolderPlaceholder', '', 'text/plain')).error).toBeNull();
    expect(refusal(await send('.emptyFolderPlaceholder', '<p>x', 'text/html'))?.code).toBe('EntityTooLarge');
    expect(refusal(await send('x.emptyFolderPlaceholder', '', 'text/html'))?.code).toBe('InvalidMimeType');
    expect((await send('.emptyFolderPlaceholder', 'x', 'image/png')).error).toBeNull();
  });

  it('refuses a file over the limit of its bucket, announced or not, and keeps nothing of it', async () => {
    const small = await world.bucket({ rights: everyRight, fileSizeLimit: 1000 });
    const before = (await world.filesOnDisk())?.length;
    const tooLarge = {
      status: '413',
      code: 'EntityTooLarge',
      message: 'The object exceeded the maximum allowed size',
    };
    const send = (body: Blob | Buffer | ReadableStream<Uint8Array>) =>
      user.from(small).upload(path('large'), body);
    expect(refusal(await send(new Blob([Buffer.alloc(1001)])))).toEqual(tooLarge);
    expect(refusal(await send(Buffer.alloc(1001)))).toEqual(tooLarge);
    expect(refusal(await send(new Blob([Buffer.alloc(5_000_000)]).stream()))).toEqual(tooLarge);
    expect((await user.from(small).exists(path('large'))).data).toBe(false);
    expect((await world.filesOnDisk())?.length).toBe(before);
    expect((await send(new Blob([Buffer.alloc(1000)]))).error).toBeNull();
  });

  it('refuses a file over the limit of all buckets', async () => {
    const refused = await user.from(bucket).upload(path('huge'), Buffer.alloc(50 * 1024 * 1024 + 1));
    expect(refusal(refused)?.code).toBe('EntityTooLarge');
  });
});

describe('names', () => {
  it('refuses Vietnamese file names, as the platform does', async () => {
    const refused = await user.from(bucket).upload(path('xe máy.jpg'), new Blob(['x']));
    expect(refusal(refused)).toMatchObject({ status: '400', code: 'InvalidKey' });
  });

  it('takes every ASCII sign that the platform takes', async () => {
    const name = path("a_!-.*'() &$@=;:+,z");
    expect((await user.from(bucket).upload(name, new Blob(['x']))).error).toBeNull();
    expect((await user.from(bucket).download(name)).error).toBeNull();
  });

  it.each([
    ['a parent folder', '..%2f..%2fescape'],
    ['a parent folder in the middle', 'a%2f..%2f..%2f..%2fescape'],
    ['this folder', 'a%2f.%2fb'],
    ['an empty folder', 'a//b'],
    ['a leading slash', '%2fetc%2fpasswd'],
    ['a trailing slash', 'a/'],
    ['a NUL', 'a%00b'],
    ['a backslash', '..%5c..%5cescape'],
    ['a line end', 'a%0d%0ab'],
    ['a broken escape', 'a%zz'],
    ['a percent sign', 'a%2525'],
    ['more than 1024 characters', 'a'.repeat(1025)],
  ])('refuses a key with %s', async (_what, key) => {
    const response = await fetch(`${world.apiUrl}/storage/v1/object/${bucket}/${key}`, {
      method: 'POST',
      headers: { apikey: world.keys.secretKey },
      body: 'escape',
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ statusCode: '400', code: 'InvalidKey' });
  });

  it('stores no file under a name that a caller chose', async () => {
    const files = (await world.filesOnDisk()) ?? [];
    for (const file of files) expect(file).toMatch(/objects\/[0-9a-f]{2}\/[0-9a-f-]{36}$/);
  });
});

describe('an upload that is cut off', () => {
  /** Sends the head and the beginning of a body, and hangs up. */
  async function cutOff(headers: Record<string, string>, beginning: Buffer, name: string): Promise<void> {
    const url = new URL(`${world.apiUrl}/storage/v1/object/${bucket}/${path(name)}`);
    const authorization = `Bearer ${await world.token(owner)}`;
    const sending = request(url, {
      method: 'POST',
      headers: { apikey: world.keys.publishableKey, authorization, ...headers },
    });
    sending.on('error', () => {});
    sending.write(beginning);
    await new Promise((resolve) => setTimeout(resolve, 150));
    sending.destroy();
  }

  it.each([
    [
      'raw with a length',
      { 'content-type': 'text/plain', 'content-length': '100000' },
      Buffer.alloc(20_000, 'x'),
    ],
    ['raw in chunks', { 'content-type': 'text/plain' }, Buffer.alloc(20_000, 'x')],
    [
      'a form',
      { 'content-type': 'multipart/form-data; boundary=b' },
      Buffer.from(
        `--b\r\ncontent-disposition: form-data; name=""; filename="f"\r\n\r\n${'x'.repeat(20_000)}`,
      ),
    ],
  ])('leaves nothing behind: %s', async (what, headers, beginning) => {
    const name = `cut-${what.replaceAll(' ', '-')}`;
    const before = (await world.filesOnDisk())?.length;
    await cutOff(headers, beginning, name);
    await expect.poll(async () => (await world.filesOnDisk())?.length).toBe(before);
    expect(await rowsNamed(path(name))).toEqual([]);
    expect((await user.from(bucket).upload(path(name), new Blob(['whole']))).error).toBeNull();
    expect(await textOf(name)).toBe('whole');
  });

  it('is noticed by its length even when the connection ends politely', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'storage-short-'));
    const storage = await createStorage({
      dbUrl: superuserUrl(),
      dir,
      keys: testKeys,
      publicUrl: world.apiUrl,
    });
    try {
      const response = await storage.fetch(
        new Request(`${world.apiUrl}/storage/v1/object/${bucket}/${path('short')}`, {
          method: 'POST',
          headers: { apikey: testKeys.secretKey, 'content-length': '100' },
          body: 'only a part',
        }),
      );
      expect(await response.json()).toMatchObject({ statusCode: '400', code: 'Aborted' });
      expect(await rowsNamed(path('short'))).toEqual([]);
      expect(await readdir(join(dir, 'incoming'))).toEqual([]);
    } finally {
      await storage.close();
      await rm(dir, { recursive: true, force: true });
    }
  });

  it('leaves the file that it was to replace as it was', async () => {
    await user.from(bucket).upload(path('kept'), new Blob(['old']));
    await cutOff({ 'content-type': 'text/plain', 'x-upsert': 'true' }, Buffer.alloc(20_000, 'x'), 'kept');
    expect(await textOf('kept')).toBe('old');
  });
});
