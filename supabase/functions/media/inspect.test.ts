import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { photo } from '../../../local/tour/photo.ts';
import { heic } from '../../../tests/media/pictures-to-upload.ts';
import { inspect } from './inspect.ts';

const blank = sharp({ create: { width: 40, height: 30, channels: 3, background: '#804020' } });
const text = (content: string) => new TextEncoder().encode(content);
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

const pictures: [mimeType: string, name: string, make: () => Promise<Uint8Array>][] = [
  ['image/jpeg', 'a JPEG', () => blank.clone().jpeg().toBuffer()],
  ['image/jpeg', 'a progressive JPEG', () => blank.clone().jpeg({ progressive: true }).toBuffer()],
  ['image/png', 'a PNG', () => blank.clone().png().toBuffer()],
  ['image/webp', 'a WebP', () => blank.clone().webp().toBuffer()],
  ['image/webp', 'a lossless WebP', () => blank.clone().webp({ lossless: true }).toBuffer()],
  ['image/webp', 'a WebP with transparency', () => blank.clone().ensureAlpha(0.5).webp().toBuffer()],
];

describe('inspect', () => {
  it.each(pictures)('reads the type %s and the size of %s', async (mimeType, _name, make) => {
    expect(inspect(await make())).toEqual({ whole: true, mimeType, width: 40, height: 30 });
  });

  it('reads the type and the size of a HEIC picture', () => {
    expect(inspect(heic())).toEqual({ whole: true, mimeType: 'image/heic', width: 96, height: 64 });
  });

  it.each(pictures)('refuses a cut-off file of type %s: %s', async (mimeType, _name, make) => {
    const bytes = await make();
    for (const length of [4, 12, Math.floor(bytes.length / 2), bytes.length - 3]) {
      const found = inspect(bytes.subarray(0, length));
      expect(found).toMatchObject({ whole: false, code: 'media_unreadable' });
      if (length > 12) expect(found).toMatchObject({ mimeType });
    }
  });

  it.each(pictures)('refuses a page behind a picture of type %s: %s', async (_type, _name, make) => {
    const bytes = join(await make(), text('<html><script>alert(1)</script>'));
    expect(inspect(bytes)).toMatchObject({ whole: false, code: 'media_extra_data' });
  });

  it('refuses a cut-off HEIC picture, and one with something behind it', () => {
    for (const bytes of [heic().subarray(0, -3), heic().subarray(0, 200), join(heic(), text('<html>'))])
      expect(inspect(bytes)).toMatchObject({ whole: false, mimeType: 'image/heic' });
  });

  it('refuses an archive behind a JPEG, also behind a second picture', () => {
    const zip = join(text('PK\x05\x06'), new Uint8Array(18));
    for (const bytes of [join(photo('a'), zip), join(photo('a'), photo('b'), zip)])
      expect(inspect(bytes)).toMatchObject({ whole: false, code: 'media_extra_data' });
  });

  it('takes what cameras put behind a JPEG: padding, previews, the film of a moving photo, notes of a phone', () => {
    const film = join(Uint8Array.from([0, 0, 0, 24]), text('ftypmp42'), new Uint8Array(300));
    const rests = [
      new Uint8Array(64),
      photo('preview'),
      join(photo('preview'), film),
      film,
      text('xSEFHxxSEFT'),
    ];
    for (const rest of rests)
      expect(inspect(join(photo('shot'), rest))).toMatchObject({ whole: true, mimeType: 'image/jpeg' });
  });

  it.each([
    ['image/svg+xml', text('<?xml version="1.0"?><svg xmlns="x"><script>alert(1)</script></svg>')],
    ['image/gif', text('GIF89a=/*....*/=alert(1)')],
    ['application/zip', text('PK\x03\x04')],
    ['application/pdf', text('%PDF-1.7')],
    ['text/html', text('  <!doctype html><title>x</title>')],
    ['video/mp4', join(Uint8Array.from([0, 0, 0, 20]), text('ftypisom\0\0\0\0mp41'))],
    ['image/avif', join(Uint8Array.from([0, 0, 0, 20]), text('ftypavif\0\0\0\0mif1'))],
    [null, text('RIFF1234WAVEfmt ')],
    [null, Uint8Array.from([0xff, 0xd8])],
    [null, new Uint8Array()],
  ])('knows %s by its bytes, and takes it for no picture', (mimeType, bytes) => {
    expect(inspect(bytes)).toMatchObject({ whole: false, mimeType });
  });

  it('never throws, whatever byte of a picture is changed or missing', async () => {
    for (const [, , make] of pictures) {
      const bytes = await make();
      for (let at = 0; at < Math.min(bytes.length, 400); at += 1) {
        for (const value of [0, 0x7f, 0xff]) {
          const changed = Uint8Array.from(bytes);
          changed[at] = value;
          expect(typeof inspect(changed).whole).toBe('boolean');
        }
        expect(inspect(bytes.subarray(0, Math.max(0, at - 1))).whole).toBe(false);
      }
    }
    const changed = heic();
    for (let at = 0; at < changed.length; at += 1) {
      const before = changed[at] ?? 0;
      for (const value of [0, 0x7f, 0xff]) {
        changed[at] = value;
        expect(typeof inspect(changed).whole).toBe('boolean');
      }
      changed[at] = before;
    }
  });

  it('reads ten megabytes well within the time of an edge function', () => {
    const bytes = new Uint8Array(10_485_760).fill(0xff);
    bytes.set(photo('long').subarray(0, -2));
    const startedAt = performance.now();
    expect(inspect(bytes)).toMatchObject({ whole: false });
    expect(performance.now() - startedAt).toBeLessThan(1000);
  });
});
