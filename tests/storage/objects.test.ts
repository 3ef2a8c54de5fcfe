import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  everyRight,
  openWorld,
  refusal,
  type Storage,
  serveAlone,
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
const put = async (name: string, text: string, type = 'text/plain') => {
  const { data, error } = await user.from(bucket).upload(path(name), new Blob([text], { type }), {
    metadata: { by: 'test' },
  });
  if (error) throw error;
  return data;
};
const textOf = async (name: string, from = bucket) =>
  (await user.from(from).download(path(name))).data?.text();
const get = async (name: string, headers: Record<string, string> = {}, method = 'GET', query = '') =>
  fetch(`${world.apiUrl}/storage/v1/object/${bucket}/${path(name)}${query}`, {
    method,
    headers: {
      apikey: world.keys.publishableKey,
      authorization: `Bearer ${await world.token(owner)}`,
      ...headers,
    },
  });

describe('downloading', () => {
  it('sends type, length, tag and cache time, and the same without bytes for HEAD', async () => {
    await put('whole.txt', '0123456789');
    for (const method of ['GET', 'HEAD']) {
      const response = await get('whole.txt', {}, method);
      expect(response.status).toBe(200);
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'text/plain',
        'content-length': '10',
        'accept-ranges': 'bytes',
        'cache-control': 'max-age=3600',
        etag: '"781e5e245d69b566979b86e28d23f2c7"',
      });
      expect(await response.text()).toBe(method === 'GET' ? '0123456789' : '');
    }
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=5-500', 206, '56789', 'bytes 5-9/10'],
    ['bytes=0-0', 206, '0', 'bytes 0-0/10'],
    ['bytes=4-2', 200, '0123456789', null],
    ['bytes=0-1,4-5', 200, '0123456789', null],
  ])('answers the range %s', async (range, status, text, contentRange) => {
    await user.from(bucket).upload(path('range.txt'), new Blob(['0123456789']), { upsert: true });
    const response = await get('range.txt', { range });
    expect(response.status).toBe(status);
    expect(await response.text()).toBe(text);
    expect(response.headers.get('content-range')).toBe(contentRange);
  });

  it('refuses a range beyond the end', async () => {
    await put('short.txt', '0123456789');
    const response = await get('short.txt', { range: 'bytes=10-' });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-range')).toBe('bytes */10');
    expect(await response.json()).toMatchObject({ statusCode: '416', code: 'InvalidRange' });
  });

  it('answers 304 to a caller that already has the file', async () => {
    await put('cached.txt', 'same');
    const etag = (await get('cached.txt', {}, 'HEAD')).headers.get('etag') ?? '';
    expect((await get('cached.txt', { 'if-none-match': etag })).status).toBe(304);
    const changed = await get('cached.txt', { 'if-none-match': '"other"' });
    expect(await changed.text()).toBe('same');
  });

  it('serves a page as plain text and names a download', async () => {
    await put('page.html', '<script>alert(1)</script>', 'text/html; charset=utf-8');
    const page = await get('page.html', {}, 'GET', '?download=trang.html');
    expect(page.headers.get('content-type')).toBe('text/plain');
    expect(page.headers.get('x-robots-tag')).toBe('none');
    expect(await page.text()).toContain('<script>');
  });

  it.each([
    ['', 'attachment;'],
    ['trang.html', "attachment; filename=trang.html; filename*=UTF-8''trang.html"],
    ["An's (1).txt", `attachment; filename="An's (1).txt"; filename*=UTF-8''An%27s%20%281%29.txt`],
    ['xe máy.jpg', `attachment; filename="xe m_y.jpg"; filename*=UTF-8''xe%20m%C3%A1y.jpg`],
    ['🛵"\\.txt', "attachment; filename=___.txt; filename*=UTF-8''%F0%9F%9B%B5%22%5C.txt"],
    [
      'a\r\nset-cookie: b',
      `attachment; filename="a__set-cookie: b"; filename*=UTF-8''a%0D%0Aset-cookie%3A%20b`,
    ],
  ])('names the download %j so that old and new clients read it', async (name, header) => {
    await user.from(bucket).upload(path('named.txt'), new Blob(['x']), { upsert: true });
    const response = await get('named.txt', {}, 'HEAD', `?download=${encodeURIComponent(name)}`);
    expect(response.headers.get('content-disposition')).toBe(header);
    expect(response.headers.get('set-cookie')).toBeNull();
  });

  it('finishes the old file while a new one takes its place', async () => {
    const old = 'old '.repeat(500_000);
    await user.from(bucket).upload(path('swap'), new Blob([old]));
    const response = await get('swap');
    await user.from(bucket).update(path('swap'), new Blob(['new']));
    expect((await response.text()) === old).toBe(true);
    expect(await textOf('swap')).toBe('new');
  });

  it('answers the metadata of a file', async () => {
    const { id } = await put('info.txt', 'info');
    const { data } = await user.from(bucket).info(path('info.txt'));
    expect(data).toMatchObject({
      id,
      name: path('info.txt'),
      bucketId: bucket,
      size: 4,
      contentType: 'text/plain',
      cacheControl: 'max-age=3600',
      metadata: { by: 'test' },
    });
    expect((await user.from(bucket).exists(path('info.txt'))).data).toBe(true);
    expect(await user.from(bucket).exists(path('none.txt'))).toMatchObject({
      data: false,
      error: { code: 'NoSuchKey' },
    });
  });
});

describe('moving and copying', () => {
  it('moves a file within its bucket and into another', async () => {
    const other = await world.bucket({ rights: everyRight });
    const { id } = await put('move.txt', 'moved');
    const first = await user.from(bucket).move(path('move.txt'), path('deep/er/moved.txt'));
    expect(first.data?.message).toBe('Successfully moved');
    expect((await user.from(bucket).exists(path('move.txt'))).data).toBe(false);
    const second = await user.from(bucket).move(path('deep/er/moved.txt'), path('there.txt'), {
      destinationBucket: other,
    });
    expect(second.error).toBeNull();
    expect(await textOf('there.txt', other)).toBe('moved');
    expect((await user.from(other).info(path('there.txt'))).data?.id).toBe(id);
  });

  it('does not move onto an existing file, from a missing file, into a missing bucket, or where the caller may not write', async () => {
    await put('from.txt', 'from');
    await put('onto.txt', 'onto');
    const move = async (from: string, to: string, destinationBucket?: string) =>
      refusal(await user.from(bucket).move(from, to, { destinationBucket }))?.code;
    expect(await move(path('from.txt'), path('onto.txt'))).toBe('KeyAlreadyExists');
    expect(await move(path('none.txt'), path('some.txt'))).toBe('NoSuchKey');
    expect(await move(path('from.txt'), path('some.txt'), 'test-no-such-bucket')).toBe('NoSuchBucket');
    expect(await move(path('from.txt'), `${randomUUID()}/gift.txt`)).toBe('AccessDenied');
    expect(await move(path('from.txt'), path('../../x.txt'))).toBe('InvalidKey');
    expect(await move(path('from.txt'), '/etc/passwd')).toBe('InvalidKey');
    expect(await move(path('from.txt'), path('a\0b'))).toBe('InvalidKey');
    expect([await textOf('from.txt'), await textOf('onto.txt')]).toEqual(['from', 'onto']);
  });

  it('copies a file with its metadata, and deleting one keeps the other', async () => {
    await put('source.txt', 'copied');
    const { data } = await user.from(bucket).copy(path('source.txt'), path('copy.txt'));
    expect(data?.path).toBe(`${bucket}/${path('copy.txt')}`);
    await user.from(bucket).remove([path('source.txt')]);
    expect(await textOf('copy.txt')).toBe('copied');
    expect((await user.from(bucket).info(path('copy.txt'))).data).toMatchObject({
      contentType: 'text/plain',
      metadata: { by: 'test' },
    });
  });

  it('copies with other metadata when told so', async () => {
    await put('plain.txt', 'x');
    await user.from(bucket).copy(path('plain.txt'), path('other.txt'), {
      copyMetadata: false,
      metadata: { mimetype: 'text/markdown', cacheControl: 'max-age=5' },
    });
    expect((await user.from(bucket).info(path('other.txt'))).data).toMatchObject({
      contentType: 'text/markdown',
      cacheControl: 'max-age=5',
      metadata: {},
    });
  });

  it('does not copy onto a file', async () => {
    await put('one.txt', '1');
    await put('two.txt', '2');
    const before = (await world.filesOnDisk())?.length;
    expect(refusal(await user.from(bucket).copy(path('one.txt'), path('two.txt')))?.code).toBe(
      'KeyAlreadyExists',
    );
    expect(await textOf('two.txt')).toBe('2');
    expect((await world.filesOnDisk())?.length).toBe(before);
  });

  it('lets one of many moves of the same file win', async () => {
    await put('contested.txt', 'x');
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        user.from(bucket).move(path('contested.txt'), path(`won-${at}.txt`)),
      ),
    );
    expect(results.filter(({ error }) => error === null)).toHaveLength(1);
    expect((await user.from(bucket).list(owner, { search: 'won-' })).data).toHaveLength(1);
  });
});

describe('two opposite moves at once', () => {
  it('are both refused, because each target exists, and neither waits for the other', async () => {
    await put('left.txt', 'left');
    await put('right.txt', 'right');
    const box = user.from(bucket);
    const results = await Promise.all(
      Array.from({ length: 6 }, (_, at) =>
        at % 2
          ? box.move(path('left.txt'), path('right.txt'))
          : box.move(path('right.txt'), path('left.txt')),
      ),
    );
    expect(results.map((result) => refusal(result)?.code)).toEqual(results.map(() => 'KeyAlreadyExists'));
    expect([await textOf('left.txt'), await textOf('right.txt')]).toEqual(['left', 'right']);
  });
});

describe('removing', () => {
  it('removes rows and bytes, and leaves what is not there out of the answer', async () => {
    await put('gone-1.txt', '1');
    await put('gone-2.txt', '2');
    const before = (await world.filesOnDisk())?.length;
    const paths = ['gone-1.txt', 'gone-2.txt', 'never.txt'].map(path);
    const { data } = await user.from(bucket).remove(paths);
    expect(data?.map(({ name }) => name).sort()).toEqual(paths.slice(0, 2));
    expect((await user.from(bucket).exists(path('gone-1.txt'))).data).toBe(false);
    if (before !== undefined) expect((await world.filesOnDisk())?.length).toBe(before - 2);
  });

  it('refuses to remove nothing, or more than a thousand at once', async () => {
    expect(refusal(await user.from(bucket).remove([]))?.code).toBe('InvalidRequest');
    const many = Array.from({ length: 1001 }, (_, at) => `${at}`);
    expect(refusal(await user.from(bucket).remove(many))?.code).toBe('InvalidRequest');
  });
});

describe('the address', () => {
  it.each(['/storage/v1/nothing', '/storage/v1/object', '/storage/v1x/bucket', '/storage/v1/../../bucket'])(
    'finds nothing at %s',
    async (address) => {
      const response = await fetch(`${world.apiUrl}${address}`, {
        headers: { apikey: world.keys.secretKey },
      });
      expect(response.status).toBe(404);
    },
  );

  it('refuses a request without a token, or with one that is none, in the words of the platform', async () => {
    for (const authorization of ['', 'Bearer none']) {
      const response = await fetch(`${world.apiUrl}/storage/v1/bucket`, { headers: { authorization } });
      expect(response.status).toBe(400);
      expect(await response.json()).toEqual({
        statusCode: '403',
        error: 'Unauthorized',
        message: 'Invalid Compact JWS',
        code: 'AccessDenied',
      });
    }
  });

  it('names what is wrong with a body in the words of the platform', async () => {
    const says = async (address: string, body: unknown) => {
      const response = await fetch(`${world.apiUrl}/storage/v1/object/${address}`, {
        method: 'POST',
        headers: { apikey: world.keys.secretKey, 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      const { code, message } = await response.json();
      expect(code).toBe('InvalidRequest');
      return message;
    };
    expect(await says('move', { bucketId: bucket })).toBe("body must have required property 'sourceKey'");
    expect(await says(`sign/${bucket}/x`, { expiresIn: 0 })).toBe('body/expiresIn must be >= 1');
    expect(await says(`sign/${bucket}/x`, { expiresIn: 1.5 })).toBe('body/expiresIn must be integer');
    expect(await says(`sign/${bucket}`, { expiresIn: 9, paths: [] })).toBe(
      'body/paths must NOT have fewer than 1 items',
    );
    expect(await says(`list/${bucket}`, { prefix: 5 })).toBe('body/prefix must be string');
    expect(await says(`list/${bucket}`, { prefix: '', sortBy: { column: 'size' } })).toBe(
      'body/sortBy/column must be equal to one of the allowed values',
    );
    expect(await says(`list/${bucket}`, [])).toBe('body must be object');
  });
});

describe('buckets', () => {
  it('are made, changed, listed, emptied and deleted with the secret key', async () => {
    const id = `test-${randomUUID()}`;
    const made = await world.service.createBucket(id, {
      public: false,
      fileSizeLimit: '1MB',
      allowedMimeTypes: ['image/*'],
    });
    expect(made.data).toEqual({ name: id });
    expect(refusal(await world.service.createBucket(id))?.code).toBe('BucketAlreadyExists');
    expect((await world.service.getBucket(id)).data).toMatchObject({
      id,
      public: false,
      file_size_limit: 1_000_000,
      allowed_mime_types: ['image/*'],
    });
    const changed = await world.service.updateBucket(id, { public: true, allowedMimeTypes: null });
    expect(changed.data?.message).toBe('Successfully updated');
    expect((await world.service.getBucket(id)).data).toMatchObject({
      public: true,
      allowed_mime_types: null,
    });
    const found = await world.service.listBuckets({ search: id.toUpperCase(), limit: 5 });
    expect(found.data?.map((each) => each.id)).toEqual([id]);

    await world.service.from(id).upload('a/b.txt', new Blob(['x']));
    expect(refusal(await world.service.deleteBucket(id))?.code).toBe('ResourceNotEmpty');
    expect((await world.service.emptyBucket(id)).error).toBeNull();
    expect((await world.service.deleteBucket(id)).data?.message).toBe('Successfully deleted');
    expect(refusal(await world.service.getBucket(id))).toMatchObject({ status: '404', code: 'NoSuchBucket' });
  });

  it('cannot be managed by users and visitors', async () => {
    for (const storage of [user, world.visitor]) {
      expect((await storage.listBuckets()).data).toEqual([]);
      expect(refusal(await storage.getBucket(bucket))?.code).toBe('NoSuchBucket');
      expect(refusal(await storage.createBucket(`test-${randomUUID()}`))?.code).toBe('AccessDenied');
      expect(refusal(await storage.updateBucket(bucket, { public: true }))?.code).toBe('NoSuchBucket');
      expect(refusal(await storage.emptyBucket(bucket))?.code).toBe('NoSuchBucket');
      expect(refusal(await storage.deleteBucket(bucket))?.code).toBe('NoSuchBucket');
    }
  });

  it('have the fields that the platform answers, one by one and in a list', async () => {
    const { data } = await world.service.getBucket(bucket);
    const fields = ['allowed_mime_types', 'created_at', 'file_size_limit', 'id', 'name', 'owner', 'public'];
    expect(Object.keys(data ?? {}).sort()).toEqual([...fields, 'updated_at']);
    expect(data?.owner).toBe('');
    const [listed] = (await world.service.listBuckets({ search: bucket, limit: 1 })).data ?? [];
    expect(Object.keys(listed ?? {}).sort()).toEqual([...fields, 'type', 'updated_at']);
  });

  it('are emptied with the secret key alone, whatever the policies let a user see and delete', async () => {
    const box = await world.bucket({ rights: everyRight });
    await world.sql.query(
      `create policy "${box}-seen" on storage.buckets for select to authenticated using (id = '${box}')`,
    );
    try {
      await user.from(box).upload(path('mine.txt'), new Blob(['mine']));
      await world.service.from(box).upload('theirs.txt', new Blob(['theirs']));
      expect((await user.getBucket(box)).error).toBeNull();
      expect(refusal(await user.emptyBucket(box))?.code).toBe('AccessDenied');
      expect(await textOf('mine.txt', box)).toBe('mine');
      expect((await world.service.emptyBucket(box)).error).toBeNull();
      expect((await world.service.from(box).list()).data).toEqual([]);
    } finally {
      await world.sql.query(`drop policy "${box}-seen" on storage.buckets`);
    }
  });

  it('refuse names, types and limits that make no sense', async () => {
    const allowedMimeTypes = ['image'];
    const typed = await world.service.createBucket(`test-${randomUUID()}`, {
      public: false,
      allowedMimeTypes,
    });
    expect(refusal(typed)?.code).toBe('InvalidMimeType');
    for (const name of ['a/b', '', 'x'.repeat(101), 'xe máy', ' blank']) {
      expect(refusal(await world.service.createBucket(name))?.code, name).toBe('InvalidBucketName');
    }
    const create = async (fileSizeLimit: string) =>
      refusal(await world.service.createBucket(`test-${randomUUID()}`, { public: false, fileSizeLimit }))
        ?.code;
    expect(await create('lots')).toBe('InvalidRequest');
    expect(await create('51GB')).toBe('EntityTooLarge');
  });

  it('refuse an upload when they do not exist', async () => {
    const result = await world.service.from('test-no-such-bucket').upload('x', new Blob(['x']));
    expect(refusal(result)).toMatchObject({ status: '404', code: 'NoSuchBucket' });
  });
});

describe('starting again after a crash', () => {
  it('sweeps half-received and orphaned bytes and keeps every file that has a row', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'storage-crash-'));
    const options = { dbUrl: superuserUrl(), keys: testKeys, dir };
    const box = await world.bucket();
    const connect = (url: string) => createClient(url, testKeys.secretKey).storage.from(box);
    try {
      const first = await serveAlone(options);
      await connect(first.url).upload('kept.txt', new Blob(['kept']));
      await first.close();
      const orphan = randomUUID();
      await writeFile(join(dir, 'incoming', randomUUID()), 'half');
      await mkdir(join(dir, 'objects', orphan.slice(0, 2)), { recursive: true });
      await writeFile(join(dir, 'objects', orphan.slice(0, 2), orphan), 'orphan');

      const second = await serveAlone(options);
      expect(await (await connect(second.url).download('kept.txt')).data?.text()).toBe('kept');
      expect(await readdir(join(dir, 'incoming'))).toEqual([]);
      const left = await readdir(join(dir, 'objects'), { recursive: true, withFileTypes: true });
      expect(left.filter((entry) => entry.isFile())).toHaveLength(1);
      await connect(second.url).remove(['kept.txt']);
      await second.close();
    } finally {
      await rm(dir, { recursive: true, force: true });
    }
  });
});
