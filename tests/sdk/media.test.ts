import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Answer, type FakeApi, functionRefusal, refusal, startFakeApi } from './fake-api.ts';

let api: FakeApi;
beforeEach(async () => {
  api = await startFakeApi({ retries: 0 });
});
afterEach(() => api.close());

describe('media.upload', () => {
  const bytes = new TextEncoder().encode('not really a picture');
  const upload = { purpose: 'avatar', file: bytes, mimeType: 'image/png' } as const;
  const ticket = (id: string, minutes = 60) => ({
    id,
    bucket: 'avatars',
    path: `u/${id}.png`,
    mime_type: 'image/png',
    status: 'reserved',
    expires_at: new Date(Date.now() + minutes * 60_000).toISOString(),
  });

  /** A backend of which single steps can be broken. */
  function backend(broken: { store?: Answer; complete?: Answer; minutes?: number } = {}) {
    const stored = new Map<string, Buffer>();
    let tickets = 0;
    api.route(({ path, raw, body }) => {
      if (path.endsWith('/rpc/request_upload'))
        return { status: 200, body: ticket(`m${++tickets}`, broken.minutes) };
      if (path.startsWith('/storage/v1/object/')) {
        if (broken.store) return broken.store;
        if (stored.has(path)) {
          const error = {
            statusCode: '409',
            error: 'Duplicate',
            message: 'The resource already exists',
            code: 'KeyAlreadyExists',
          };
          return { status: 400, body: error };
        }
        stored.set(path, raw);
        return { status: 200, body: { Id: 'x', Key: path } };
      }
      return broken.complete ?? { status: 200, body: { id: body.media_id, status: 'ready' } };
    });
    return { broken, stored, tickets: () => tickets };
  }

  it('announces the bytes by size and hash, stores them under the ticket, and has them checked', async () => {
    const { stored } = backend();
    const { data, error } = await api.journey.media.upload(upload);
    expect(error).toBeNull();
    expect(data).toEqual({ id: 'm1', status: 'ready' });
    expect(api.seen.map(({ path }) => path)).toEqual([
      '/rest/v1/rpc/request_upload',
      '/storage/v1/object/avatars/u/m1.png',
      '/functions/v1/media/complete',
    ]);
    expect(api.seen[0]?.body).toEqual({
      purpose: 'avatar',
      mime_type: 'image/png',
      byte_size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    });
    expect([...stored.values()][0]?.equals(bytes)).toBe(true);
    expect(api.seen[1]?.headers['content-type']).toBe('image/png');
  });

  it('takes a Blob and an ArrayBuffer as well', async () => {
    backend();
    const { buffer } = bytes.slice();
    for (const file of [new Blob([buffer]), buffer]) {
      expect((await api.journey.media.upload({ ...upload, file })).error).toBeNull();
    }
    const hashes = api.seen
      .filter(({ path }) => path.endsWith('request_upload'))
      .map(({ body }) => body.sha256);
    expect(new Set(hashes).size).toBe(1);
  });

  it('goes on under the same ticket when a step failed and the call is repeated', async () => {
    const { broken, tickets } = backend({ store: { status: 503 } });
    expect((await api.journey.media.upload(upload)).error).toMatchObject({ status: 503, retryable: true });
    broken.store = undefined;
    broken.complete = functionRefusal(500, 'internal');
    expect((await api.journey.media.upload(upload)).error?.code).toBe('internal');
    broken.complete = undefined;
    // the bytes are there already, which is no error
    expect((await api.journey.media.upload(upload)).data?.id).toBe('m1');
    expect(tickets()).toBe(1);
    expect((await api.journey.media.upload(upload)).data?.id).toBe('m2');
  });

  it('begins again when the bytes were refused or the ticket has expired', async () => {
    const first = backend({ complete: functionRefusal(409, 'media_mismatch') });
    expect((await api.journey.media.upload(upload)).error?.code).toBe('media_mismatch');
    first.broken.complete = undefined;
    expect((await api.journey.media.upload(upload)).data?.id).toBe('m2');
    const second = backend({ minutes: -1, store: { status: 503 } });
    await api.journey.media.upload(upload);
    second.broken.store = undefined;
    expect((await api.journey.media.upload(upload)).data?.id).toBe('m2');
  });

  it('reports what Storage refused', async () => {
    const denied = {
      statusCode: '403',
      error: 'Unauthorized',
      message: 'violates row-level security',
      code: 'AccessDenied',
    };
    backend({ store: { status: 400, body: denied } });
    expect((await api.journey.media.upload(upload)).error).toMatchObject({ code: 'forbidden', status: 403 });
    api.answer(refusal(429, 'media_quota_exceeded', { retry_after: 3600 }));
    const other = { ...upload, file: new Uint8Array(3) };
    expect((await api.journey.media.upload(other)).error).toMatchObject({
      code: 'media_quota_exceeded',
      retryable: true,
    });
  });

  it('stops waiting for a store that does not answer', async () => {
    backend({ store: 'hang' });
    const { error } = await api.journey.media.upload(upload, { timeoutMs: 1_000 });
    expect(error).toMatchObject({ code: 'timeout', outcome: 'unknown' });
  });
});

describe('media.whenReady', () => {
  const row = (status: string, refused_code: string | null = null) => ({
    status: 200,
    body: [{ id: 'm1', bucket: 'avatars', path: 'u/m1/large.jpeg', status, refused_code }],
  });

  it('waits until the picture can be shown', async () => {
    api.answer(row('processing'), row('processing'), row('ready'));
    const { data } = await api.journey.media.whenReady('m1');
    expect(data).toMatchObject({ id: 'm1', status: 'ready' });
    expect(api.seen).toHaveLength(3);
  });

  it('says why the picture was refused, that it is gone, or that it still is not ready', async () => {
    api.answer(row('refused', 'media_unreadable'), { status: 200, body: [] }, row('processing'));
    const codes = [];
    for (const waitMs of [1000, 1000, 0])
      codes.push((await api.journey.media.whenReady('m1', { waitMs })).error?.code);
    expect(codes).toEqual(['media_unreadable', 'media_not_found', 'media_not_ready']);
  });

  it('is what an upload does, which answers the row as it is when the time is up', async () => {
    const file = new Uint8Array(3);
    const asked = { purpose: 'avatar', file, mimeType: 'image/png' } as const;
    const ticket = { id: 'm1', bucket: 'avatars', path: 'u/m1.png', expires_at: '2100-01-01T00:00:00Z' };
    const taken = { status: 200, body: { ...ticket, status: 'processing' } };
    const stored = { status: 200, body: { Id: 'x', Key: 'x' } };
    api.answer({ status: 200, body: ticket }, stored, taken, row('processing'), row('ready'));
    expect((await api.journey.media.upload(asked)).data?.status).toBe('ready');
    api.answer({ status: 200, body: ticket }, stored, taken, row('processing'));
    expect((await api.journey.media.upload(asked, { waitMs: 1 })).data?.status).toBe('processing');
    api.answer({ status: 200, body: ticket }, stored, taken, row('refused', 'media_unreadable'));
    expect((await api.journey.media.upload(asked)).error?.code).toBe('media_unreadable');
  });
});

describe('the size of a picture', () => {
  const large = { bucket: 'avatars', path: 'u/m1/large.jpeg' };
  const whole = { bucket: 'avatars', path: 'u/m1/whole.jpeg' };

  it('is a file beside the large one', async () => {
    api.route(() => ({ status: 200, body: { signedURL: '/object/sign/x' } }));
    for (const size of ['thumbnail', 'medium', 'large'] as const) await api.journey.media.url(large, size);
    expect(api.seen.map(({ path, body }) => [path, body])).toEqual(
      ['thumbnail', 'medium', 'large'].map((size) => [
        `/storage/v1/object/sign/avatars/u/m1/${size}.webp`,
        { expiresIn: 3600 },
      ]),
    );
  });

  it('is made by Storage of a picture that has no sizes', async () => {
    api.route(() => ({ status: 200, body: { signedURL: '/render/image/sign/x' } }));
    const { data } = await api.journey.media.url(whole, 'medium', { expiresIn: 60 });
    expect(data).toBe(`${api.url}/storage/v1/render/image/sign/x`);
    const many = await api.journey.media.signedUrls([whole, null], { size: 'thumbnail' });
    expect(many.data).toEqual([data, null]);
    const contain = (side: number) => ({ width: side, height: side, resize: 'contain' });
    expect(api.seen.map(({ body }) => body)).toEqual([
      { expiresIn: 60, transform: contain(960) },
      { expiresIn: 3600, transform: contain(320) },
    ]);
  });

  it('does not exist while the picture is processed', async () => {
    const processing = { ...large, status: 'processing' as const };
    expect((await api.journey.media.url(processing, 'large')).error?.code).toBe('media_not_ready');
    expect((await api.journey.media.signedUrls([processing])).data).toEqual([null]);
    expect(api.seen).toEqual([]);
  });
});

describe('what becomes part of an address', () => {
  const elsewhere = ['../health', '..', '%2e%2e/health', 'a?b', '..\\health', '', './a'];

  it.each(elsewhere)('refuses the receipt %j, which would lead elsewhere', async (id) => {
    api.answer({ status: 200, body: 'somebody else’s page' });
    const { error } = await api.journey.receipts.page(id);
    expect(error).toMatchObject({
      code: 'invalid_input',
      status: 400,
      details: { field: 'receiptId' },
      tries: 0,
    });
    expect(api.seen).toEqual([]);
  });

  it.each(elsewhere)('refuses %j as bucket or path of a file', async (text) => {
    api.answer({ status: 200, body: { signedURL: '/object/sign/other' } });
    const { media } = api.journey;
    const bucket = await media.signedUrl({ bucket: text, path: 'u/m1.png' });
    expect(bucket.error).toMatchObject({ code: 'invalid_input', details: { field: 'bucket' } });
    const path = await media.signedUrl({ bucket: 'avatars', path: `u/${text}` });
    expect(path.error).toMatchObject({ code: 'invalid_input', details: { field: 'path' } });
    expect(api.seen).toEqual([]);
  });

  it.each(elsewhere)('refuses %j among many files', async (text) => {
    const { media } = api.journey;
    const bucket = await media.signedUrls([null, { bucket: text, path: 'u/m1.png' }]);
    expect(bucket.error).toMatchObject({ code: 'invalid_input', details: { field: 'bucket' } });
    const path = await media.signedUrls([{ bucket: 'avatars', path: `u/${text}` }]);
    expect(path.error).toMatchObject({ code: 'invalid_input', details: { field: 'path' } });
    expect(api.seen).toEqual([]);
  });

  it('signs many files with one request for a bucket, and answers in their order', async () => {
    api.route(({ body }) => ({
      status: 200,
      body: (body.paths as string[]).map((path) =>
        path === 'u/gone.png'
          ? {
              path,
              signedURL: null,
              error: 'Either the object does not exist or you do not have access to it',
            }
          : { path, signedURL: `/object/sign/x/${path}?token=t`, error: null },
      ),
    }));
    const [a, b] = [
      { bucket: 'vehicle-images', path: 'u/a.png' },
      { bucket: 'inspections', path: 'u/b.png' },
    ];
    const gone = { bucket: 'vehicle-images', path: 'u/gone.png' };
    const { data } = await api.journey.media.signedUrls([b, null, a, gone, a], { expiresIn: 60 });
    const url = (path: string) => `${api.url}/storage/v1/object/sign/x/${path}?token=t`;
    expect(data).toEqual([url('u/b.png'), null, url('u/a.png'), null, url('u/a.png')]);
    expect(api.seen.map(({ path, body }) => [path, body])).toEqual([
      ['/storage/v1/object/sign/inspections', { expiresIn: 60, paths: ['u/b.png'] }],
      ['/storage/v1/object/sign/vehicle-images', { expiresIn: 60, paths: ['u/a.png', 'u/gone.png'] }],
    ]);
    api.seen.length = 0;
    const many = Array.from({ length: 501 }, (_, i) => ({ bucket: 'avatars', path: `u/${i}.png` }));
    expect((await api.journey.media.signedUrls(many)).data).toHaveLength(501);
    expect(api.seen.map(({ body }) => (body.paths as string[]).length)).toEqual([500, 1]);
  });

  it('takes what the backend gives', async () => {
    const id = crypto.randomUUID();
    api.answer({ status: 200, body: 'page' }, { status: 200, body: { signedURL: '/object/sign/u' } });
    await api.journey.receipts.page(id);
    const file = { bucket: 'vehicle-images', path: `${id}/demo-front.jpeg` };
    expect((await api.journey.media.signedUrl(file)).error).toBeNull();
    expect(api.seen.map(({ path }) => path)).toEqual([
      `/functions/v1/receipts/${id}`,
      `/storage/v1/object/sign/vehicle-images/${file.path}`,
    ]);
  });
});
