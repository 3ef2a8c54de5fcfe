import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyRight, openWorld, refusal, type Storage, type World } from './harness.ts';

let world: World;
let bucket: string;
const owner = randomUUID();
const stranger = randomUUID();
let user: Storage;
let other: Storage;

beforeAll(async () => {
  world = await openWorld();
  bucket = await world.bucket({ rights: everyRight });
  user = await world.user(owner);
  other = await world.user(stranger);
  await user.from(bucket).upload(`${owner}/mine.txt`, new Blob(['mine'], { type: 'text/plain' }));
});
afterAll(() => world?.close());

const denied = { status: '403', code: 'AccessDenied', message: 'new row violates row-level security policy' };
const unseen = { status: '404', code: 'NoSuchKey', message: 'Object not found' };

describe('a stranger', () => {
  it('may not upload into the folder of another', async () => {
    const refused = await other.from(bucket).upload(`${owner}/theirs.txt`, new Blob(['x']));
    expect(refusal(refused)).toEqual(denied);
    expect((refused.error as { status?: number } | null)?.status).toBe(400);
  });

  it('may not replace the file of another', async () => {
    const file = other.from(bucket);
    expect(refusal(await file.upload(`${owner}/mine.txt`, new Blob(['x']), { upsert: true }))).toEqual(
      denied,
    );
    expect(refusal(await file.update(`${owner}/mine.txt`, new Blob(['x'])))).toEqual(denied);
  });

  it('gets the same answer for the file of another and for a missing file', async () => {
    const name = `${owner}/mine.txt`;
    const response = await fetch(`${world.apiUrl}/storage/v1/object/${bucket}/${name}`, {
      headers: { apikey: world.keys.publishableKey, authorization: `Bearer ${await world.token(stranger)}` },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      statusCode: '404',
      error: 'not_found',
      message: 'Object not found',
      code: 'NoSuchKey',
    });
    expect(refusal(await other.from(bucket).info(name))).toEqual(unseen);
    expect(await other.from(bucket).exists(name)).toMatchObject({ data: false });
    expect(refusal(await other.from(bucket).createSignedUrl(name, 60))).toEqual(unseen);
    expect(refusal(await other.from(bucket).move(name, `${stranger}/stolen.txt`))).toEqual(unseen);
    expect(refusal(await other.from(bucket).copy(name, `${stranger}/stolen.txt`))).toEqual(unseen);
    expect(await other.from(bucket).remove([name])).toMatchObject({ data: [], error: null });
    expect((await other.from(bucket).list(owner)).data).toEqual([]);
    expect((await user.from(bucket).exists(name)).data).toBe(true);
  });
});

describe('a visitor', () => {
  it('may not upload, list or read in a private bucket', async () => {
    expect(refusal(await world.visitor.from(bucket).upload('x.txt', new Blob(['x'])))).toEqual(denied);
    expect((await world.visitor.from(bucket).list(owner)).data).toEqual([]);
    expect((await world.visitor.from(bucket).download(`${owner}/mine.txt`)).error).not.toBeNull();
  });

  it('does not find a private bucket at the public address', async () => {
    const { data } = world.visitor.from(bucket).getPublicUrl(`${owner}/mine.txt`);
    const response = await fetch(data.publicUrl);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      statusCode: '404',
      error: 'Bucket not found',
      code: 'NoSuchBucket',
    });
  });

  it('reads a public bucket at every address, although no policy allows it, and cannot write to it', async () => {
    const open = await world.bucket({ public: true });
    await world.service.from(open).upload('cover.txt', new Blob(['open'], { type: 'text/plain' }));
    const response = await fetch(world.visitor.from(open).getPublicUrl('cover.txt').data.publicUrl);
    expect(await response.text()).toBe('open');
    expect(await (await world.visitor.from(open).download('cover.txt')).data?.text()).toBe('open');
    expect((await world.visitor.from(open).exists('cover.txt')).data).toBe(true);
    expect(refusal(await world.visitor.from(open).upload('other.txt', new Blob(['x'])))).toEqual(denied);
    expect((await world.visitor.from(open).list()).data).toEqual([]);
  });
});

describe('tokens', () => {
  const ask = (headers: Record<string, string>) =>
    fetch(`${world.apiUrl}/storage/v1/object/${bucket}/${owner}/mine.txt`, { headers });

  it('refuses a token with a foreign signature, and the token of a signed address', async () => {
    const [head, body] = (await world.token(owner)).split('.');
    const forged = await ask({
      apikey: world.keys.publishableKey,
      authorization: `Bearer ${head}.${body}.AAAA`,
    });
    expect(await forged.json()).toMatchObject({
      code: 'AccessDenied',
      message: 'signature verification failed',
    });
    const { data } = await user.from(bucket).createSignedUrl(`${owner}/mine.txt`, 60);
    const token = new URL(data?.signedUrl ?? '').searchParams.get('token');
    expect((await ask({ apikey: world.keys.publishableKey, authorization: `Bearer ${token}` })).ok).toBe(
      false,
    );
  });
});

describe('the smallest rights for each operation', () => {
  it('uploads with INSERT alone', async () => {
    const box = await world.bucket({ rights: ['insert'] });
    expect((await user.from(box).upload(`${owner}/a`, new Blob(['1']))).error).toBeNull();
  });

  it('needs INSERT, SELECT and UPDATE to upsert, even where nothing is replaced', async () => {
    const tries = await Promise.all(
      [
        ['insert'],
        ['insert', 'update'],
        ['insert', 'select'],
        ['select', 'update'],
        ['insert', 'select', 'update'],
      ].map(async (rights) => {
        const box = await world.bucket({ rights: rights as typeof everyRight });
        const fresh = await user.from(box).upload(`${owner}/fresh`, new Blob(['1']), { upsert: true });
        await world.service.from(box).upload(`${owner}/a`, new Blob(['1']));
        const replaced = await user.from(box).update(`${owner}/a`, new Blob(['2']));
        return [rights.join(), refusal(fresh)?.code ?? 'ok', refusal(replaced)?.code ?? 'ok'];
      }),
    );
    expect(tries).toEqual([
      ['insert', 'AccessDenied', 'AccessDenied'],
      ['insert,update', 'AccessDenied', 'AccessDenied'],
      ['insert,select', 'ok', 'AccessDenied'],
      ['select,update', 'AccessDenied', 'AccessDenied'],
      ['insert,select,update', 'ok', 'ok'],
    ]);
  });

  it('needs DELETE and SELECT to remove', async () => {
    for (const rights of [['delete'], ['select']] as const) {
      const box = await world.bucket({ rights: [...rights] });
      await world.service.from(box).upload(`${owner}/a`, new Blob(['1']));
      expect((await user.from(box).remove([`${owner}/a`])).data).toEqual([]);
      expect((await world.service.from(box).exists(`${owner}/a`)).data).toBe(true);
    }
  });

  it('needs SELECT and UPDATE to move, and INSERT to copy', async () => {
    const box = await world.bucket({ rights: ['select'] });
    await world.service.from(box).upload(`${owner}/a`, new Blob(['1']));
    expect(refusal(await user.from(box).move(`${owner}/a`, `${owner}/b`))).toEqual(unseen);
    expect(refusal(await user.from(box).copy(`${owner}/a`, `${owner}/b`))).toEqual(denied);
  });
});

describe('what policies and triggers can see', () => {
  it('tells a policy which operation it is asked for, and by whom', async () => {
    const box = await world.bucket();
    const policy = `${box}-operation`;
    await world.sql.query(`create policy "${policy}" on storage.objects for insert to authenticated with check (
      bucket_id = '${box}'
      and storage.allow_only_operation('object.upload')
      and current_setting('request.method') = 'POST'
      and current_setting('request.jwt.claims')::jsonb ->> 'sub' = '${owner}'
      and metadata ->> 'mimetype' = 'text/plain'
    )`);
    try {
      const file = new Blob(['x'], { type: 'text/plain' });
      expect((await user.from(box).upload('a', file)).error).toBeNull();
      expect(refusal(await other.from(box).upload('b', file))).toEqual(denied);
      expect(refusal(await user.from(box).createSignedUploadUrl('c'))).toEqual(denied);
    } finally {
      await world.sql.query(`drop policy "${policy}" on storage.objects`);
    }
  });

  it('answers the helpers for names as the platform does', async () => {
    const { rows } = await world.sql.query(
      `select
        storage.foldername('a/b/c.tar.gz') as folders,
        storage.foldername('c') as none,
        storage.filename('a/b/c.tar.gz') as file,
        storage.extension('a/b/c.tar.gz') as extension`,
    );
    expect(rows).toEqual([{ folders: ['a', 'b'], none: [], file: 'c.tar.gz', extension: 'gz' }]);
  });
});

describe('the guard against deleting rows behind the API', () => {
  it.each(['postgres', 'service_role'])('stops %s from deleting objects and buckets in SQL', async (role) => {
    for (const table of ['objects', 'buckets']) {
      await world.sql.query('begin');
      await world.sql.query(`set local role ${role}`);
      await expect(world.sql.query(`delete from storage.${table} where false`)).rejects.toMatchObject({
        code: '42501',
        message: 'Direct deletion from storage tables is not allowed. Use the Storage API instead.',
      });
      await world.sql.query('rollback');
    }
  });

  it('allows a delete when the session has set storage.allow_delete_query', async () => {
    await world.sql.query('begin');
    await world.sql.query(`set local storage.allow_delete_query = 'true'`);
    await world.sql.query('delete from storage.objects where false');
    await world.sql.query('rollback');
  });
});
