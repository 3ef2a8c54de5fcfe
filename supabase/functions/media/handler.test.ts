import { describe, expect, it, vi } from 'vitest';
import { photo } from '../../../local/tour/photo.ts';
import { errorOf, fakeOutside, user, userPost } from '../../../tests/support/fakes.ts';
import { appError } from '../_shared/errors.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import { handle } from './handler.ts';

const jpeg = photo('checked');
const media_id = '6f1c2d3e-0000-4000-8000-00000000000a';
const ticket = {
  id: media_id,
  bucket: 'avatars',
  path: 'a/b.jpeg',
  mime_type: 'image/jpeg',
  byte_size: jpeg.byteLength,
  sha256: '0'.repeat(64),
  status: 'reserved',
};
const complete = (deps: Parameters<typeof handle>[0]) =>
  handle(deps)(userPost('/media/complete', { media_id }));

describe('POST /media/complete', () => {
  it('moves the bytes among the originals, reads them there, and says what they are', async () => {
    const outside = fakeOutside({
      media_to_check: () => ({ ...ticket, mime_type: 'image/png' }),
      complete_media: (args) => ({ ...ticket, ...args, status: 'ready' }),
    });
    outside.objects.set('avatars/a/b.jpeg', jpeg);
    const answer = await complete(outside.deps);
    expect(answer.status).toBe(200);
    const [asked, completed] = outside.calls.map((call) => call.args);
    expect(asked).toEqual({ media_id, owner_id: user.id });
    expect(completed).toEqual({
      media_id,
      path: expect.stringMatching(/^a\/b-[0-9a-f]{32}\.jpeg$/),
      mime_type: 'image/jpeg',
      byte_size: jpeg.byteLength,
      sha256: await sha256Hex(jpeg),
      width: 8,
      height: 8,
    });
    expect([...outside.objects.keys()]).toEqual([`originals/${completed?.path}`]);
  });

  it('refuses when nothing was uploaded yet', async () => {
    const outside = fakeOutside({ media_to_check: () => ticket });
    expect(await errorOf(await complete(outside.deps))).toMatchObject({
      code: 'media_not_ready',
      status: 409,
    });
  });

  it('removes what has another size than announced, without reading it', async () => {
    const outside = fakeOutside({ media_to_check: () => ({ ...ticket, byte_size: 6 }) });
    outside.objects.set('avatars/a/b.jpeg', jpeg);
    const read = vi.spyOn(outside.deps.db.objects, 'read');
    expect((await errorOf(await complete(outside.deps))).code).toBe('media_mismatch');
    expect(read).not.toHaveBeenCalled();
    expect(outside.objects.size).toBe(0);
  });

  it('removes bytes that are not what was announced, and leaves them when nobody knows', async () => {
    for (const [code, left] of [
      ['media_mismatch', 0],
      ['media_too_many_pixels', 0],
      ['internal', 1],
    ] as const) {
      const outside = fakeOutside({
        media_to_check: () => ticket,
        complete_media: () => {
          throw appError(code);
        },
      });
      outside.objects.set('avatars/a/b.jpeg', jpeg);
      expect((await errorOf(await complete(outside.deps))).code).toBe(code);
      expect(outside.objects.size).toBe(left);
    }
  });

  it('refuses and removes bytes that are no whole picture, or more than one', async () => {
    for (const [bytes, code] of [
      [jpeg.slice(0, -4), 'media_unreadable'],
      [jpeg.slice(0, 4), 'media_unreadable'],
      [Uint8Array.from([...jpeg, ...new TextEncoder().encode('<script>')]), 'media_extra_data'],
    ] as const) {
      const outside = fakeOutside({ media_to_check: () => ({ ...ticket, byte_size: bytes.byteLength }) });
      outside.objects.set('avatars/a/b.jpeg', bytes);
      expect((await errorOf(await complete(outside.deps))).code).toBe(code);
      expect(outside.objects.size).toBe(0);
      expect(outside.calls.map(({ name }) => name)).toEqual(['media_to_check']);
    }
  });

  it('does not remove the right bytes that come to the path of the ticket while wrong ones are refused', async () => {
    const outside = fakeOutside({ media_to_check: () => ticket });
    const { objects } = outside.deps.db;
    const wrong = Uint8Array.from([...jpeg, 4]);
    outside.objects.set('avatars/a/b.jpeg', wrong);
    const size = objects.size;
    vi.spyOn(objects, 'size').mockImplementation(async (bucket, path) => {
      const found = await size(bucket, path);
      outside.objects.set('avatars/a/b.jpeg', jpeg);
      return found;
    });
    expect((await errorOf(await complete(outside.deps))).code).toBe('media_mismatch');
    expect([...outside.objects]).toEqual([['avatars/a/b.jpeg', jpeg]]);
  });

  it('does not touch what another call has made ready meanwhile', async () => {
    const ready = { ...ticket, path: 'a/b-1.jpeg', status: 'ready' };
    let asked = 0;
    const outside = fakeOutside({ media_to_check: () => (asked++ === 0 ? ticket : ready) });
    outside.objects.set('avatars/a/b-1.jpeg', jpeg);
    expect(await (await complete(outside.deps)).json()).toMatchObject({
      status: 'ready',
      path: 'a/b-1.jpeg',
    });
    expect([...outside.objects.keys()]).toEqual(['avatars/a/b-1.jpeg']);
  });

  it('answers again for what is ready, without reading it', async () => {
    const outside = fakeOutside({ media_to_check: () => ({ ...ticket, status: 'ready' }) });
    expect(await (await complete(outside.deps)).json()).toMatchObject({ id: media_id, status: 'ready' });
  });
});
