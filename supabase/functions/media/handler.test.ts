import { describe, expect, it } from 'vitest';
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
  it('tells the command what the bytes are, whatever the ticket says they are', async () => {
    const outside = fakeOutside({
      media_to_check: () => ({ ...ticket, mime_type: 'image/png', byte_size: 1 }),
      complete_media: (args) => ({ ...ticket, ...args, status: 'ready' }),
    });
    outside.objects.set('avatars/a/b.jpeg', jpeg);
    const answer = await complete(outside.deps);
    expect(answer.status).toBe(200);
    expect(outside.calls.map((call) => call.args)).toEqual([
      { media_id, owner_id: user.id },
      { media_id, mime_type: 'image/jpeg', byte_size: 7, sha256: await sha256Hex(jpeg) },
    ]);
  });

  it('says when nothing was uploaded yet', async () => {
    const outside = fakeOutside({ media_to_check: () => ticket });
    expect(await errorOf(await complete(outside.deps))).toMatchObject({
      code: 'media_not_ready',
      status: 409,
    });
  });

  it('removes bytes that are not what was announced, and nothing else', async () => {
    const failing = (code: 'media_mismatch' | 'internal') =>
      fakeOutside({
        media_to_check: () => ticket,
        complete_media: () => {
          throw appError(code);
        },
      });
    for (const [code, left] of [
      ['media_mismatch', 0],
      ['internal', 1],
    ] as const) {
      const outside = failing(code);
      outside.objects.set('avatars/a/b.jpeg', jpeg);
      expect((await errorOf(await complete(outside.deps))).code).toBe(code);
      expect(outside.objects.size).toBe(left);
    }
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
  ])('sees %s', (kind, bytes) => {
    expect(sniffImage(Uint8Array.from(bytes))).toBe(kind);
  });
});
