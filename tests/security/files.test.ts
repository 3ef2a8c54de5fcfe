import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { signToken } from '../../local/gateway/caller.ts';
import { setting } from '../support/setting.ts';
import { admin, closeSql, ok, type Person, person, renter, sql, upload } from '../support/world.ts';
import { call, expectCleanRefusal, post, tokenOf } from './attack.ts';

interface Stored {
  bucket: string;
  path: string;
}

let victim: Person;
let attacker: Person;
let token: string;
let licence: Stored;

beforeAll(async () => {
  const boss = await admin();
  [victim, attacker] = [await renter(boss), await person('attacker')];
  token = await tokenOf(attacker);
  const [row] = await sql<{ id: string }>(
    `select m.id from public.media m join public.driver_licences l on l.front_media_id = m.id where l.user_id = $1`,
    [victim.id],
  );
  if (!row) throw new Error('the victim has no licence photo');
  // what is shown of it is made by the worker
  licence = await ok(victim.journey.media.whenReady(row.id, { waitMs: 60_000 }));
});
afterAll(closeSql);

const unread = async (path: string, bearer: string | undefined) => {
  const answer = await call(path, bearer === undefined ? {} : { token: bearer });
  expectCleanRefusal(answer, path);
  expect(answer.headers.get('content-type'), path).not.toMatch(/^image\//);
};

describe('the photo of a licence', () => {
  it('is read by its owner and by nobody who knows or guesses its path', async () => {
    const { bucket, path } = licence;
    const mine = await call(`/storage/v1/object/${bucket}/${path}`, { token: await tokenOf(victim) });
    expect(mine.headers.get('content-type')).toMatch(/^image\//);
    const folder = path.split('/')[0] ?? '';
    const ways = [
      `object/${bucket}/${path}`,
      `object/authenticated/${bucket}/${path}`,
      `object/public/${bucket}/${path}`,
      `object/info/${bucket}/${path}`,
      `object/info/public/${bucket}/${path}`,
      `render/image/authenticated/${bucket}/${path}`,
      `render/image/public/${bucket}/${path}?width=10`,
      `object/${bucket}/${attacker.id}/../${path}`,
      `object/${bucket}/${attacker.id}/%2e%2e/${path}`,
      `object/${bucket}//${path}`,
      `object/${bucket}/${path.toUpperCase()}`,
      `object/${bucket}/${folder}/`,
      `object/vehicle_images/../${bucket}/${path}`,
    ];
    for (const way of ways)
      for (const bearer of [undefined, token]) await unread(`/storage/v1/${way}`, bearer);
  });

  it('is listed, signed, moved, copied, replaced and deleted by nobody else', async () => {
    const { bucket, path } = licence;
    const folder = path.split('/')[0] ?? '';
    for (const bearer of [token, undefined]) {
      const as = bearer === undefined ? {} : { token: bearer };
      for (const prefix of ['', folder, `${folder}/`, '%', '..']) {
        const listed = await post(`/storage/v1/object/list/${bucket}`, { prefix, limit: 1000 }, as);
        expect(listed.text, prefix).not.toContain(folder);
        const listedV2 = await post(`/storage/v1/object/list-v2/${bucket}`, { prefix }, as);
        expect(listedV2.text, prefix).not.toContain(path);
      }
      expectCleanRefusal(
        await post(`/storage/v1/object/sign/${bucket}/${path}`, { expiresIn: 600 }, as),
        'sign',
      );
      const many = await post(`/storage/v1/object/sign/${bucket}`, { expiresIn: 600, paths: [path] }, as);
      expect(many.text).not.toContain('token=');
      expectCleanRefusal(
        await post(`/storage/v1/object/upload/sign/${bucket}/${path}`, {}, as),
        'sign an upload',
      );
      const stolen = `${attacker.id}/stolen.jpeg`;
      const named = { bucketId: bucket, sourceKey: path, destinationKey: stolen };
      expectCleanRefusal(await post('/storage/v1/object/move', named, as), 'move');
      expectCleanRefusal(await post('/storage/v1/object/copy', named, as), 'copy');
      const put = await call(`/storage/v1/object/${bucket}/${path}`, {
        method: 'PUT',
        body: 'x',
        headers: { 'content-type': 'image/jpeg' },
        ...as,
      });
      expectCleanRefusal(put, 'replace');
      const removed = await call(`/storage/v1/object/${bucket}`, {
        method: 'DELETE',
        body: { prefixes: [path] },
        ...as,
      });
      expect(removed.text === '[]' || removed.status >= 400, removed.text).toBe(true);
    }
    const mine = await call(`/storage/v1/object/${bucket}/${path}`, { token: await tokenOf(victim) });
    expect(mine.status).toBe(200);
  });

  it('is not made part of a listing, of a licence or of an avatar by somebody else', async () => {
    const [media] = await sql<{ id: string }>('select id from public.media where path = $1', [licence.path]);
    const own = await upload(attacker, 'licence');
    const avatar = await call(`/rest/v1/profiles?id=eq.${attacker.id}`, {
      method: 'PATCH',
      token,
      body: { avatar_media_id: media?.id },
    });
    expectCleanRefusal(avatar, 'avatar');
    const submitted = await post(
      '/rest/v1/rpc/submit_licence',
      {
        number: 'B98765432',
        full_name: 'Mallory',
        date_of_birth: '1990-05-20',
        classes: ['B'],
        issued_on: '2025-03-01',
        valid_until: '2045-01-01',
        front_media_id: media?.id,
        back_media_id: own,
      },
      { token },
    );
    expectCleanRefusal(submitted, 'licence');
    const opened = await sql('select from public.profiles where avatar_media_id = $1', [media?.id]);
    expect(opened).toEqual([]);
  });
});

describe('a signed address', () => {
  it('opens its file until it expires, and no other file, and stays no token for anything else', async () => {
    const { bucket, path } = licence;
    const owner = await tokenOf(victim);
    const sign = async (seconds: number) => {
      const answer = await post(
        `/storage/v1/object/sign/${bucket}/${path}`,
        { expiresIn: seconds },
        { token: owner },
      );
      return `/storage/v1${(answer.body as { signedURL: string }).signedURL}`;
    };
    const url = await sign(600);
    expect((await call(url)).status).toBe(200);
    const [, signed = ''] = url.split('token=');
    const [head, claims = '', signature = ''] = signed.split('.');
    const other = licence.path.replace(/[^/]+$/, 'other.jpeg');
    const about = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    const changed = (change: object) =>
      `${head}.${Buffer.from(JSON.stringify({ ...about, ...change })).toString('base64url')}.${signature}`;
    const bad = [
      url.replace(path, other),
      url.replace(`/${bucket}/`, '/avatars/'),
      url.replace(signed, `${signed}x`),
      url.replace(signed, signed.slice(0, -6)),
      url.replace(signed, changed({ exp: 4102444800 })),
      url.replace(signed, changed({ url: `${bucket}/${other}` })),
      url.replace(signed, `${Buffer.from('{"alg":"none"}').toString('base64url')}.${claims}.`),
      url.replace(signed, token),
      url.replace(`token=${signed}`, ''),
    ];
    for (const wrong of bad) await unread(wrong, undefined);
    const keys = { publishableKey: '', secretKey: '', jwtSecret: setting('JWT_SECRET') };
    const expired = await signToken(keys, { ...about, exp: undefined, iat: undefined }, -5);
    await unread(url.replace(signed, expired), undefined);
    const profile = await call('/rest/v1/profiles?select=id', { token: signed });
    expect([400, 401, 403]).toContain(profile.status);
    const short = await sign(1);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    await unread(short, undefined);
  });
});
