import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signToken } from '../../local/gateway/caller.ts';
import { everyRight, openWorld, refusal, type Storage, type World } from './harness.ts';

let world: World;
let bucket: string;
const owner = randomUUID();
let user: Storage;
const file = `${owner}/licence front.txt`;

beforeAll(async () => {
  world = await openWorld();
  bucket = await world.bucket({ rights: everyRight });
  user = await world.user(owner);
  await user.from(bucket).upload(file, new Blob(['licence'], { type: 'text/plain' }));
});
afterAll(() => world?.close());

const refusedBy = async (response: Response) => {
  expect(response.status).toBe(400);
  return response.json();
};
const signed = async (path = file, seconds = 60) => {
  const { data, error } = await user.from(bucket).createSignedUrl(path, seconds);
  if (error) throw error;
  return data.signedUrl;
};
const withToken = (url: string, token: string) => {
  const other = new URL(url);
  other.searchParams.set('token', token);
  return other.href;
};

describe('an address signed for download', () => {
  it('opens the file without a key, and carries its expiry', async () => {
    const response = await fetch(await signed());
    expect(await response.text()).toBe('licence');
    const expires = Date.parse(response.headers.get('expires') ?? '');
    expect(Math.abs(expires - Date.now() - 60_000)).toBeLessThan(5000);
  });

  it('goes on working after the right to read is gone', async () => {
    const url = await signed();
    await world.sql.query(`drop policy "${bucket}-select" on storage.objects`);
    try {
      expect((await fetch(url)).status).toBe(200);
      expect(refusal(await user.from(bucket).createSignedUrl(file, 60))?.code).toBe('NoSuchKey');
    } finally {
      await world.sql.query(`create policy "${bucket}-select" on storage.objects for select to authenticated
        using (bucket_id = '${bucket}' and (storage.foldername(name))[1] = (select auth.uid()::text))`);
    }
  });

  it('names the download when asked to', async () => {
    const named = await user.from(bucket).createSignedUrl(file, 60, { download: 'licence.txt' });
    const response = await fetch(named.data?.signedUrl ?? '');
    expect(response.headers.get('content-disposition')).toBe(
      "attachment; filename=licence.txt; filename*=UTF-8''licence.txt",
    );
    await response.body?.cancel();
  });

  it('is refused once expired', async () => {
    const token = await signToken(world.keys, { url: `${bucket}/${file}`, scope: 'download' }, -1);
    expect(await refusedBy(await fetch(withToken(await signed(), token)))).toMatchObject({
      statusCode: '400',
      code: 'InvalidJWT',
      message: '"exp" claim timestamp check failed',
    });
  });

  it('is refused when its token was changed, or signed with another secret', async () => {
    const url = await signed();
    const [head, , signature] = (new URL(url).searchParams.get('token') ?? '').split('.');
    const claims = { url: `${bucket}/${file}`, scope: 'download', exp: 4_000_000_000 };
    const changed = `${head}.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.${signature}`;
    const foreign = await signToken(
      { ...world.keys, jwtSecret: 'another-secret-of-at-least-32-bytes!' },
      claims,
      60,
    );
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${changed.split('.')[1]}.`;
    for (const token of [changed, foreign, unsigned, 'nonsense']) {
      expect(await refusedBy(await fetch(withToken(url, token)))).toMatchObject({ code: 'InvalidJWT' });
    }
  });

  it('is refused for another file, for an upload, and with a user token instead', async () => {
    await user.from(bucket).upload(`${owner}/other.txt`, new Blob(['other']));
    const token = new URL(await signed()).searchParams.get('token') ?? '';
    const other = await signed(`${owner}/other.txt`);
    expect(await refusedBy(await fetch(withToken(other, token)))).toMatchObject({ code: 'InvalidSignature' });
    expect(refusal(await user.from(bucket).uploadToSignedUrl(file, token, new Blob(['x'])))?.code).toBe(
      'InvalidSignature',
    );
    expect(await refusedBy(await fetch(withToken(other, await world.token(owner))))).toMatchObject({
      code: 'InvalidSignature',
    });
  });

  it('is refused for a lifetime of zero seconds', async () => {
    expect(refusal(await user.from(bucket).createSignedUrl(file, 0))?.code).toBe('InvalidRequest');
  });

  it('is given for many files at once, and a missing file is an error only in its own entry', async () => {
    const { data } = await user.from(bucket).createSignedUrls([file, `${owner}/none.txt`, '../x'], 60);
    expect(data?.map(({ path, error }) => [path, error])).toEqual([
      [file, null],
      [`${owner}/none.txt`, 'Either the object does not exist or you do not have access to it'],
      ['../x', 'Either the object does not exist or you do not have access to it'],
    ]);
    expect(data?.[1]?.signedUrl).toBeNull();
    expect(await (await fetch(data?.[0]?.signedUrl ?? '')).text()).toBe('licence');
  });

  it('refuses to resize a picture instead of sending the original', async () => {
    const { data } = await user.from(bucket).createSignedUrl(file, 60, { transform: { width: 100 } });
    expect(data?.signedUrl).toContain('/render/image/sign/');
    expect(await refusedBy(await fetch(data?.signedUrl ?? ''))).toMatchObject({
      statusCode: '422',
      code: 'FeatureNotEnabled',
    });
    expect((await user.from(bucket).download(file, { transform: { width: 100 } })).error).not.toBeNull();
  });
});

describe('an address signed for upload', () => {
  it('lets a visitor upload once, for the user who signed it', async () => {
    const path = `${owner}/ticket.txt`;
    const { data } = await user.from(bucket).createSignedUploadUrl(path);
    const token = data?.token ?? '';
    const sent = await world.visitor.from(bucket).uploadToSignedUrl(path, token, new Blob(['sent']));
    expect(sent).toMatchObject({ error: null, data: { path, fullPath: `${bucket}/${path}` } });
    const { rows } = await world.sql.query(
      'select owner_id from storage.objects where bucket_id = $1 and name = $2',
      [bucket, path],
    );
    expect(rows).toEqual([{ owner_id: owner }]);
    const again = await world.visitor.from(bucket).uploadToSignedUrl(path, token, new Blob(['again']));
    expect(refusal(again)?.code).toBe('KeyAlreadyExists');
  });

  it('replaces a file only when it was signed for that, whatever the uploader asks', async () => {
    const path = `${owner}/replace.txt`;
    const plain = await user.from(bucket).createSignedUploadUrl(path);
    await user.from(bucket).upload(path, new Blob(['one']));
    const token = plain.data?.token ?? '';
    const forced = await user
      .from(bucket)
      .uploadToSignedUrl(path, token, new Blob(['two']), { upsert: true });
    expect(refusal(forced)?.code).toBe('KeyAlreadyExists');
    const upsert = await user.from(bucket).createSignedUploadUrl(path, { upsert: true });
    const sent = await user
      .from(bucket)
      .uploadToSignedUrl(path, upsert.data?.token ?? '', new Blob(['three']));
    expect(sent.error).toBeNull();
    expect(await (await user.from(bucket).download(path)).data?.text()).toBe('three');
  });

  it('holds for two hours', async () => {
    const { data } = await user.from(bucket).createSignedUploadUrl(`${owner}/later.txt`);
    const claims = JSON.parse(Buffer.from((data?.token ?? '').split('.')[1] ?? '', 'base64url').toString());
    expect(claims.exp - claims.iat).toBe(7200);
  });

  it('is given only to a user who may upload there, and not for an existing file', async () => {
    const stranger = await world.user(randomUUID());
    expect(refusal(await stranger.from(bucket).createSignedUploadUrl(`${owner}/x.txt`))?.code).toBe(
      'AccessDenied',
    );
    expect(refusal(await user.from(bucket).createSignedUploadUrl(file))?.code).toBe('KeyAlreadyExists');
  });

  it('is refused for another path, once expired, and as an address for download', async () => {
    const path = `${owner}/only.txt`;
    const { data } = await user.from(bucket).createSignedUploadUrl(path);
    const send = (to: string, token: string) =>
      user.from(bucket).uploadToSignedUrl(to, token, new Blob(['x']));
    expect(refusal(await send(`${owner}/elsewhere.txt`, data?.token ?? ''))?.code).toBe('InvalidSignature');
    const late = await signToken(world.keys, { url: `${bucket}/${path}`, scope: 'upload' }, -1);
    expect(refusal(await send(path, late))?.code).toBe('InvalidJWT');
    const token = (await user.from(bucket).createSignedUploadUrl(`${owner}/new.txt`)).data?.token ?? '';
    const url = `${world.apiUrl}/storage/v1/object/sign/${bucket}/${owner}/new.txt?token=${token}`;
    expect(await refusedBy(await fetch(url))).toMatchObject({ code: 'InvalidSignature' });
  });

  it('keeps to the limits of the bucket', async () => {
    const small = await world.bucket({
      rights: everyRight,
      fileSizeLimit: 10,
      allowedMimeTypes: ['text/plain'],
    });
    const send = async (path: string, body: Blob) => {
      const { data } = await user.from(small).createSignedUploadUrl(path);
      return refusal(await user.from(small).uploadToSignedUrl(path, data?.token ?? '', body))?.code;
    };
    expect(await send(`${owner}/a`, new Blob(['x'.repeat(11)], { type: 'text/plain' }))).toBe(
      'EntityTooLarge',
    );
    expect(await send(`${owner}/b`, new Blob(['x'], { type: 'image/png' }))).toBe('InvalidMimeType');
  });
});
