import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '@supabase/supabase-js';
import { Client } from 'pg';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photo } from '../../local/tour/photo.ts';
import type { Media, MediaPurpose } from '../../sdk/src/index.ts';
import { connect } from '../../worker/backend.ts';
import { perform } from '../../worker/jobs.ts';
import { makePictures } from '../../worker/pictures/derive.ts';
import { setting } from '../support/setting.ts';
import { client, closeSql, ok, type Person, person, refusal, sql } from '../support/world.ts';
import { claimingPng, heic, jpegFromCamera, noise } from './pictures-to-upload.ts';

let owner: Person;
let other: Person;
beforeAll(async () => {
  [owner, other] = await Promise.all([person('owner'), person('other')]);
});
afterAll(closeSql);

const service = createClient(setting('API_URL'), setting('SECRET_KEY'));

const upload = (file: Uint8Array, purpose: MediaPurpose = 'avatar', mimeType = 'image/jpeg') =>
  owner.journey.media.upload({ purpose, file, mimeType }, { waitMs: 60_000 });

/** The files of an upload in Storage, as `bucket/path`. */
async function filesOf(media: Media): Promise<string[]> {
  const rows = await sql<{ file: string }>(
    `select bucket_id || '/' || name as file from storage.objects where starts_with(name, $1) order by file`,
    [`${media.owner_id}/${media.id}`],
  );
  return rows.map(({ file }) => file);
}

const stem = (media: Media): string => `${media.bucket}/${media.path.replace(/\/large\.jpeg$/, '')}`;
const sizes = ['large', 'medium', 'thumbnail'];
const shownFiles = (media: Media): string[] =>
  sizes.flatMap((size) => ['jpeg', 'webp'].map((format) => `${stem(media)}/${size}.${format}`));

async function bytesAt(url: string): Promise<Uint8Array> {
  const answer = await fetch(url);
  expect(answer.status).toBe(200);
  return new Uint8Array(await answer.arrayBuffer());
}

describe('an upload', () => {
  it('is shown in three sizes, upright and without what the camera wrote, and its original to nobody', async () => {
    const media = await ok(upload(await jpegFromCamera(1200, 800, 6)));
    expect(media.status).toBe('ready');
    await ok(owner.journey.profiles.update({ avatar_media_id: media.id }));
    const { avatar_path: path } = await ok(client().profiles.get(owner.id));
    const shown = { bucket: 'avatars', path: path ?? '' };
    for (const [size, width, height] of [
      ['thumbnail', 213, 320],
      ['medium', 640, 960],
      ['large', 800, 1200],
    ] as const) {
      const url = await ok(other.journey.media.url(shown, size));
      const metadata = await sharp(await bytesAt(url)).metadata();
      expect(metadata).toMatchObject({ format: 'webp', width, height });
      expect(metadata.exif).toBeUndefined();
    }
    const [jpeg] = await ok(client().media.signedUrls([media]));
    expect(await sharp(await bytesAt(jpeg ?? '')).metadata()).toMatchObject({ width: 800 });
    const [original] = await sql<{ path: string }>(
      'select path from private.media_originals where media_id = $1',
      [media.id],
    );
    for (const one of [owner.journey, other.journey, client()]) {
      const hidden = { bucket: 'originals', path: original?.path ?? '' };
      expect(await refusal(one.media.signedUrl(hidden))).toBe('not_found');
    }
    expect(await filesOf(media)).toEqual([...shownFiles(media), `originals/${original?.path}`].sort());
  });

  it('keeps time and place of an inspection photo where no client reads them', async () => {
    const media = await ok(upload(await jpegFromCamera(640, 480), 'inspection'));
    const [facts] = await sql(
      `select captured_at, captured_local::text, st_y(location::geometry) as lat, st_x(location::geometry) as lng
       from private.media_facts, (select set_config('search_path', 'extensions', true)) s where media_id = $1`,
      [media.id],
    );
    expect(facts).toEqual({
      captured_at: new Date('2026-11-20T01:15:30Z'),
      captured_local: '2026-11-20 08:15:30',
      lat: expect.closeTo(21.028333, 5),
      lng: expect.closeTo(105.854166, 5),
    });
    const avatar = await ok(upload(await jpegFromCamera(320, 240)));
    expect(await sql('select from private.media_facts where media_id = $1', [avatar.id])).toEqual([]);
  });

  it('may be a HEIC picture of a phone', async () => {
    const media = await ok(upload(heic(), 'inspection', 'image/heif'));
    const url = await ok(owner.journey.media.url(media, 'large'));
    expect(await sharp(await bytesAt(url)).metadata()).toMatchObject({
      format: 'webp',
      width: 96,
      height: 64,
    });
  });

  it('can be used while it is processed, and has no address until it is ready', async () => {
    const file = await jpegFromCamera(3000, 2000);
    const media = await ok(
      owner.journey.media.upload({ purpose: 'avatar', file, mimeType: 'image/jpeg' }, { waitMs: 0 }),
    );
    expect(media.status).toBe('processing');
    expect(await refusal(owner.journey.media.url(media, 'thumbnail'))).toBe('media_not_ready');
    await ok(owner.journey.profiles.update({ avatar_media_id: media.id }));
    const ready = await ok(owner.journey.media.whenReady(media.id, { waitMs: 60_000 }));
    expect(await ok(owner.journey.media.signedUrls([media, ready]))).toEqual([null, expect.any(String)]);
    expect(await refusal(other.journey.media.whenReady(crypto.randomUUID()))).toBe('media_not_found');
  });

  const zip = new Uint8Array(Buffer.from(`PK\x05\x06${'\0'.repeat(18)}`, 'latin1'));
  const attacks: [name: string, file: () => Promise<Uint8Array> | Uint8Array, code: string, type?: string][] =
    [
      ['a GIF that is a script', () => new TextEncoder().encode('GIF89a=/*x*/=alert(1)//'), 'media_mismatch'],
      [
        'an SVG with a script',
        () => new TextEncoder().encode('<svg><script>x</script></svg>'),
        'media_mismatch',
      ],
      ['a PNG announced as a JPEG', () => claimingPng(1, 1), 'media_mismatch'],
      ['four bytes of a JPEG', () => Uint8Array.from([0xff, 0xd8, 0xff, 0xe0]), 'media_unreadable'],
      ['a JPEG with an archive behind it', () => Buffer.concat([photo('zip'), zip]), 'media_extra_data'],
      [
        'a JPEG with a page behind it',
        () => Buffer.concat([photo('x'), Buffer.from('<html>')]),
        'media_extra_data',
      ],
      ['a PNG of 200 megapixels', () => claimingPng(20_000, 10_000), 'media_too_many_pixels', 'image/png'],
      [
        'a PNG with fewer pixels than it claims',
        () => claimingPng(4000, 4000),
        'media_unreadable',
        'image/png',
      ],
    ];
  it.each(attacks)('is refused when it is %s', async (_name, file, code, mimeType = 'image/jpeg') => {
    expect(await refusal(upload(await file(), 'avatar', mimeType))).toBe(code);
  });

  it('that is refused by the worker leaves no bytes, and says why when it is asked again', async () => {
    const damaged = await claimingPng(3000, 3000);
    const uploading = { purpose: 'avatar', file: damaged, mimeType: 'image/png' } as const;
    const media = await ok(owner.journey.media.upload(uploading, { waitMs: 0 }));
    expect(await refusal(owner.journey.media.whenReady(media.id, { waitMs: 60_000 }))).toBe(
      'media_unreadable',
    );
    expect(await refusal(owner.journey.profiles.update({ avatar_media_id: media.id }))).toBe(
      'media_not_found',
    );
    await expect.poll(() => filesOf(media)).toEqual([]);
    // the same bytes again: a new ticket, and the same refusal
    expect(await refusal(upload(damaged, 'avatar', 'image/png'))).toBe('media_unreadable');
  });
});

const backend = connect({ url: setting('API_URL'), secretKey: setting('SECRET_KEY') });
const job = (media: Media) => ({
  id: 1,
  topic: 'derive_media',
  payload: { media_id: media.id },
  attempts: 1,
  lease_token: crypto.randomUUID(),
  correlation_id: null,
});

describe('a worker that dies', () => {
  const statusOf = async (media: Media) =>
    (await sql<{ status: string }>('select status from public.media where id = $1', [media.id]))[0]?.status;

  it('after some of the files leaves nothing that is shown; the next try makes the same set once', async () => {
    const media = await ok(upload(await noise(500, 400)));
    await sql('delete from public.media_derivatives where media_id = $1', [media.id]);
    await sql(`update public.media set status = 'processing' where id = $1`, [media.id]);
    let writes = 0;
    const dying = {
      ...backend,
      write: async (...args: Parameters<typeof backend.write>) => {
        writes += 1;
        if (writes > 2) throw new Error('killed');
        return backend.write(...args);
      },
    };
    expect(await perform(job(media), { backend: dying, make: makePictures })).toMatchObject({
      kind: 'retry',
    });
    expect(await statusOf(media)).toBe('processing');
    expect(await sql('select from public.media_derivatives where media_id = $1', [media.id])).toEqual([]);
    expect(await refusal(owner.journey.media.signedUrl({ bucket: media.bucket, path: media.path }))).toBe(
      'not_found',
    );
    const tools = { backend, make: makePictures };
    const twice = await Promise.all([perform(job(media), tools), perform(job(media), tools)]);
    expect(twice.map(({ kind }) => kind)).toEqual(['done', 'done']);
    expect(await statusOf(media)).toBe('ready');
    expect((await filesOf(media)).filter((file) => !file.startsWith('originals/'))).toEqual(
      shownFiles(media),
    );
    const rows = await sql('select path from public.media_derivatives where media_id = $1', [media.id]);
    expect(rows).toHaveLength(6);
  });

  it('by force is started again, and its job is done once its lease has ended', async () => {
    const log = join(process.cwd(), '.local', 'test', 'worker.log');
    const started = [...readFileSync(log, 'utf8').matchAll(/"message":"started","pid":(\d+)/g)];
    const pid = Number(started.at(-1)?.[1]);
    const uploading = {
      purpose: 'avatar',
      file: await jpegFromCamera(6000, 4000),
      mimeType: 'image/jpeg',
    } as const;
    const media = await ok(owner.journey.media.upload(uploading, { waitMs: 0 }));
    const row = async () =>
      (
        await sql<{ status: string; attempts: number }>(
          `select status, attempts from private.outbox where topic = 'derive_media' and dedupe_key = $1`,
          [media.id],
        )
      )[0];
    await expect.poll(async () => (await row())?.status, { interval: 5 }).toBe('leased');
    process.kill(pid, 'SIGKILL');
    expect(await statusOf(media)).toBe('processing');
    await sql(
      `update private.outbox set leased_until = now() where topic = 'derive_media' and dedupe_key = $1 and status = 'leased'`,
      [media.id],
    );
    await ok(owner.journey.media.whenReady(media.id, { waitMs: 60_000 }));
    await expect.poll(row).toEqual({ status: 'done', attempts: 2 });
    expect((await filesOf(media)).filter((file) => !file.startsWith('originals/'))).toEqual(
      shownFiles(media),
    );
  });

  it('of a deleted upload stores nothing that stays', async () => {
    const media = await ok(upload(await noise(300, 200)));
    const found = await backend.read(
      'originals',
      (await filesOf(media)).at(-1)?.replace('originals/', '') ?? '',
    );
    expect(found).not.toBeNull();
    const make: typeof makePictures = async (order) => {
      await sql('select private.delete_media($1)', [media.id]);
      await expect.poll(() => filesOf(media)).toEqual([]);
      return makePictures(order);
    };
    expect(await perform(job(media), { backend, make })).toMatchObject({
      result: { skipped: 'deleted meanwhile' },
    });
    expect(await filesOf(media)).toEqual([]);
  });
});

describe('the setting media_derivatives_by', () => {
  it('has one picture of the full size stored when Storage is to make the sizes', async () => {
    const media = await ok(upload(await jpegFromCamera(640, 480, 6)));
    // the setting itself would change what tests beside this one see
    const set: typeof backend = {
      ...backend,
      call: async (name, args, answer) => {
        const answered = await backend.call(name, args, answer);
        return name === 'picture_to_derive' ? { ...answered, by: 'storage' } : answered;
      },
    };
    expect(await perform(job(media), { backend: set, make: makePictures })).toMatchObject({ kind: 'done' });
    const { path } = await ok(owner.journey.media.whenReady(media.id));
    expect(path).toMatch(/\/whole\.jpeg$/);
    const rows = await sql('select size, width, height from public.media_derivatives where media_id = $1', [
      media.id,
    ]);
    expect(rows).toEqual([{ size: 'whole', width: 480, height: 640 }]);
    const { data } = await owner.journey.supabase.storage.from(media.bucket).download(path);
    const metadata = await sharp(new Uint8Array((await data?.arrayBuffer()) ?? [])).metadata();
    expect(metadata).toMatchObject({ width: 480, height: 640 });
    expect(metadata.exif).toBeUndefined();
  });
});

describe('what is left over', () => {
  it('of a deleted picture is erased: its original, all sizes, and what the camera wrote', async () => {
    const media = await ok(upload(await jpegFromCamera(640, 480), 'inspection'));
    expect(await filesOf(media)).toHaveLength(7);
    await sql('select private.delete_media($1)', [media.id]);
    await expect.poll(() => filesOf(media)).toEqual([]);
    await expect
      .poll(() =>
        sql(
          `select media_id from public.media_derivatives where media_id = $1
           union all select media_id from private.media_originals where media_id = $1
           union all select media_id from private.media_facts where media_id = $1`,
          [media.id],
        ),
      )
      .toEqual([]);
  });

  it('in Storage without an upload is swept, and what is shown or just arrived stays', async () => {
    const media = await ok(upload(await noise(200, 100)));
    const old = `${owner.id}/${crypto.randomUUID()}.jpeg`;
    const fresh = `${owner.id}/${crypto.randomUUID()}.jpeg`;
    for (const path of [old, fresh]) {
      const { error } = await service.storage
        .from('originals')
        .upload(path, photo('left over'), { contentType: 'image/jpeg' });
      expect(error).toBeNull();
    }
    // the platform's trigger would say that a file is new whose times are moved
    const admin = new Client({ connectionString: setting('ADMIN_DB_URL') });
    await admin.connect();
    await admin.query('set session_replication_role = replica');
    await admin.query(
      `update storage.objects set created_at = created_at - interval '2 hours', updated_at = updated_at - interval '2 hours'
       where name <> $1 and starts_with(name, $2)`,
      [fresh, `${owner.id}/`],
    );
    await admin.end();
    await sql(`select private.enqueue('sweep_media', '{}', $1)`, [crypto.randomUUID()]);
    const left = async () =>
      (
        await sql<{ name: string }>('select name from storage.objects where name = any($1)', [[old, fresh]])
      ).map(({ name }) => name);
    await expect.poll(left).toEqual([fresh]);
    expect(await filesOf(media)).toHaveLength(7);
  });

  it('is nothing that breaks an invariant', async () => {
    const broken = await sql<{ invariant: string }>(
      `select invariant from private.check_invariants() where invariant like '%media%' or invariant like 'original%'`,
    );
    expect(broken).toEqual([]);
  });
});
