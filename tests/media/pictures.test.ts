import exifReader from 'exif-reader';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import type { Made, Order, Outcome } from '../../worker/pictures/order.ts';
import { Studio, StudioFailure } from '../../worker/pictures/studio.ts';
import { claimingPng, heic, jpegFromCamera, noise } from './pictures-to-upload.ts';

const studio = new Studio({ seconds: 30, megabytes: 1500 });
afterAll(() => studio.close());
const large = noise(3000, 2000);

const order = (bytes: Uint8Array, changes: Partial<Order> = {}): Order => ({
  bytes,
  mimeType: 'image/jpeg',
  maxMegapixels: 50,
  by: 'worker',
  ...changes,
});

function made(outcome: Outcome): Made[] {
  if (outcome.kind !== 'made') throw new Error(`${outcome.code}: ${outcome.problem}`);
  return outcome.made;
}

/** The colour in the middle of the left or the upper half. */
async function colourAt(bytes: Uint8Array, where: 'left' | 'upper'): Promise<'red' | 'blue' | 'green'> {
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const [x, y] = where === 'left' ? [info.width / 4, info.height / 2] : [info.width / 2, info.height / 4];
  const at = (Math.floor(y) * info.width + Math.floor(x)) * info.channels;
  const [red = 0, green = 0, blue = 0] = data.subarray(at, at + 3);
  return red > green && red > blue ? 'red' : green > blue ? 'green' : 'blue';
}

describe('the pictures that are made', () => {
  it('are a thumbnail, a medium and a large one, in WebP and JPEG, and keep the proportions', async () => {
    const found = made(await studio.make(order(await large)));
    expect(found.map(({ size, format, width, height }) => [size, format, width, height])).toEqual([
      ['large', 'webp', 2048, 1365],
      ['large', 'jpeg', 2048, 1365],
      ['medium', 'webp', 960, 640],
      ['medium', 'jpeg', 960, 640],
      ['thumbnail', 'webp', 320, 213],
      ['thumbnail', 'jpeg', 320, 213],
    ]);
    for (const { format, width, bytes } of found)
      expect(await sharp(bytes).metadata()).toMatchObject({ format, width });
  });

  it('are never larger than the original', async () => {
    const found = made(await studio.make(order(await noise(400, 300))));
    expect(found.map(({ width }) => width)).toEqual([400, 400, 400, 400, 320, 320]);
  });

  it('hold nothing that the camera wrote, and the facts come apart from them', async () => {
    const original = await jpegFromCamera(640, 480);
    const { exif } = await sharp(original).metadata();
    expect(exifReader(exif as Buffer).GPSInfo?.GPSLatitudeRef).toBe('N');
    const outcome = await studio.make(order(original));
    for (const { bytes } of made(outcome)) {
      const metadata = await sharp(bytes).metadata();
      expect([metadata.exif, metadata.xmp, metadata.iptc, metadata.icc]).toEqual([
        undefined,
        undefined,
        undefined,
        undefined,
      ]);
      expect(Buffer.from(bytes).includes('Journey')).toBe(false);
    }
    expect(outcome).toMatchObject({
      facts: {
        captured_at: '2026-11-20T01:15:30.000Z',
        captured_local: '2026-11-20T08:15:30',
        lat: expect.closeTo(21.028333, 5),
        lng: expect.closeTo(105.854166, 5),
      },
    });
  });

  it('stand upright when the camera lay on its side', async () => {
    const lying = await jpegFromCamera(640, 480, 6);
    const [first] = made(await studio.make(order(lying)));
    expect(first).toMatchObject({ width: 480, height: 640 });
    expect(await colourAt(first?.bytes ?? new Uint8Array(), 'upper')).toBe('red');
  });

  it('are made of a HEIC picture, with its time and place', async () => {
    const outcome = await studio.make(order(heic(), { mimeType: 'image/heic' }));
    expect(outcome).toMatchObject({ facts: { captured_at: '2026-11-20T01:15:30.000Z' } });
    const jpeg = made(outcome).find(({ format }) => format === 'jpeg');
    expect(jpeg).toMatchObject({ width: 96, height: 64 });
    expect(await colourAt(jpeg?.bytes ?? new Uint8Array(), 'upper')).not.toBe('blue');
  });

  it('are made of a transparent PNG: WebP stays transparent, JPEG gets a white ground', async () => {
    const clear = { r: 0, g: 0, b: 0, alpha: 0 };
    const png = await sharp({ create: { width: 20, height: 20, channels: 4, background: clear } })
      .png()
      .toBuffer();
    const found = made(await studio.make(order(png, { mimeType: 'image/png' })));
    const [webp, jpeg] = found;
    expect((await sharp(webp?.bytes).metadata()).hasAlpha).toBe(true);
    expect((await sharp(jpeg?.bytes).stats()).channels[0]?.mean).toBeGreaterThan(250);
  });

  it('are one of the full size, without what the camera wrote, when Storage makes the sizes', async () => {
    const found = made(await studio.make(order(await jpegFromCamera(640, 480, 6), { by: 'storage' })));
    expect(found).toMatchObject([{ size: 'whole', format: 'jpeg', width: 480, height: 640 }]);
    expect((await sharp(found[0]?.bytes).metadata()).exif).toBeUndefined();
  });
});

describe('what is refused', () => {
  const svg = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>');
  const refused: [
    name: string,
    bytes: () => Promise<Uint8Array> | Uint8Array,
    code: string,
    type?: string,
  ][] = [
    ['an SVG with a script that claims to be a JPEG', () => svg, 'media_unreadable'],
    ['a GIF that claims to be a JPEG', () => sharp(svgless).gif().toBuffer(), 'media_unreadable'],
    ['a PNG that claims to be a JPEG', () => claimingPng(1, 1), 'media_unreadable'],
    [
      'an AVIF that claims to be HEIC',
      () => sharp(svgless).avif().toBuffer(),
      'media_unreadable',
      'image/heic',
    ],
    ['a PNG of 200 megapixels', () => claimingPng(20_000, 10_000), 'media_too_many_pixels', 'image/png'],
    ['a PNG of four gigapixels', () => claimingPng(65_535, 65_535), 'media_too_many_pixels', 'image/png'],
    [
      'a PNG with fewer pixels than it claims',
      () => claimingPng(4000, 4000),
      'media_unreadable',
      'image/png',
    ],
    [
      'a JPEG whose pixels are cut off',
      async () => (await noise(600, 400)).subarray(0, 5000),
      'media_unreadable',
    ],
    ['nothing', () => new Uint8Array(), 'media_unreadable'],
  ];
  const svgless = { create: { width: 4, height: 4, channels: 3, background: '#123456' } } as const;

  it.each(refused)('is %s', async (_name, bytes, code, mimeType = 'image/jpeg') => {
    expect(await studio.make(order(await bytes(), { mimeType }))).toMatchObject({ kind: 'refused', code });
  });

  it('is a HEIC picture whose pixels are damaged, and the next picture is made', async () => {
    const damaged = heic();
    damaged.fill(0x55, damaged.length - 200);
    const outcome = await studio.make(order(damaged, { mimeType: 'image/heic' }));
    // the decoder may conceal the damage; what counts is that it answers
    expect(['made', 'refused']).toContain(outcome.kind);
    expect((await studio.make(order(await noise(40, 30)))).kind).toBe('made');
  });

  it('is a picture beyond the cap of its purpose, before any pixel is read', async () => {
    const bytes = await noise(1200, 1000);
    expect(await studio.make(order(bytes, { maxMegapixels: 1 }))).toMatchObject({
      kind: 'refused',
      code: 'media_too_many_pixels',
    });
  });
});

describe('a picture that takes too much', () => {
  it('is given up after its time, and the next picture is made', async () => {
    const hasty = new Studio({ seconds: 0.02, megabytes: 1500 });
    await expect(hasty.make(order(await large))).rejects.toThrow('it took more than 0.02 s');
    expect(hasty.pid).toBeUndefined();
    hasty.close();
  });

  it('is given up when it takes more memory than it may', async () => {
    const narrow = new Studio({ seconds: 30, megabytes: 90 });
    await expect(narrow.make(order(await large))).rejects.toThrow('it took more than 90 MB');
    narrow.close();
  });

  it('that kills its process does not end the worker', async () => {
    const one = new Studio({ seconds: 30, megabytes: 1500 });
    const small = await noise(40, 30);
    await one.make(order(small));
    const { pid } = one;
    const making = one.make(order(await large));
    process.kill(pid ?? 0, 'SIGKILL');
    await expect(making).rejects.toBeInstanceOf(StudioFailure);
    expect((await one.make(order(small))).kind).toBe('made');
    expect(one.pid).not.toBe(pid);
    // one that dies between two pictures is noticed, too
    process.kill(one.pid ?? 0, 'SIGKILL');
    await expect
      .poll(() =>
        one.make(order(small)).then(
          ({ kind }) => kind,
          () => 'failed',
        ),
      )
      .toBe('made');
    one.close();
  });

  it('reads the bytes of strangers without the keys of the service', async () => {
    const one = new Studio({ seconds: 30, megabytes: 1500 });
    process.env.SUPABASE_SECRET_KEY = 'sb_secret_that_nobody_should_see';
    await one.make(order(await noise(40, 30)));
    const { readFileSync } = await import('node:fs');
    expect(readFileSync(`/proc/${one.pid}/environ`, 'utf8')).not.toContain('sb_secret');
    delete process.env.SUPABASE_SECRET_KEY;
    one.close();
  });
});
