import { describe, expect, it, vi } from 'vitest';
import { errorOf, fakeOutside, user, userPost } from '../../../tests/support/fakes.ts';
import { appError } from '../_shared/errors.ts';
import { sha256Hex } from '../_shared/secrets.ts';
import { handle } from './handler.ts';
import { sniffImage } from './sniff.ts';

const jpeg = Uint8Array.from([0xff, 0xd8, 0xff, 0xe0, 1, 2, 3]);
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
  it('moves the bytes to a path of no ticket, reads them there, and says what they are', async () => {
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
      byte_size: 7,
      sha256: await sha256Hex(jpeg),
    });
    expect([...outside.objects.keys()]).toEqual([`avatars/${completed?.path}`]);
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

describe('sniffImage', () => {
  const ascii = (text: string) => Array.from(text, (letter) => letter.charCodeAt(0));
  it.each([
    ['image/jpeg', [0xff, 0xd8, 0xff, 0xdb]],
    ['image/png', [0x89, ...ascii('PNG\r\n'), 0x1a, 0x0a, 0]],
    ['image/webp', ascii('RIFF1234WEBPVP8 ')],
    [null, ascii('RIFF1234WAVEfmt ')],
    [null, ascii('<svg xmlns="http://www.w3.org/2000/svg"/>')],
    [null, ascii('GIF89a')],
    [null, [0xff, 0xd8]],
    [null, []],
  ])('recognises the type of %s', (kind, bytes) => {
    expect(sniffImage(Uint8Array.from(bytes))).toBe(kind);
  });
});
