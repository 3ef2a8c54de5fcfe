import sharp from 'sharp';
import { StackError } from '../local/errors.ts';
import { Studio } from '../worker/pictures/studio.ts';
import { inTurns, type Measurement, measurement } from './report.ts';
import type { Effort } from './run.ts';

const sides = [2048, 960, 320];

/** A JPEG of 12 megapixels with soft shapes and some grain, as a phone makes it: 2 to 4 MB. */
async function pictureOfPhone(): Promise<Uint8Array> {
  const size = { width: 4000, height: 3000, channels: 3, background: '#7090b0' } as const;
  const soft = sharp({ create: { ...size, noise: { type: 'gaussian', mean: 128, sigma: 60 } } }).blur(6);
  const pixels = await soft.linear(3, -256).raw().toBuffer();
  return new Uint8Array(
    await sharp(pixels, { raw: size })
      .sharpen()
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 90 })
      .toBuffer(),
  );
}

/** The same six files as one would write it: a pipeline for each, side by side, in this process. */
function bareSharp(bytes: Uint8Array): Promise<Buffer[]> {
  const image = sharp(bytes, { failOn: 'error' }).autoOrient();
  return Promise.all(
    sides.flatMap((side) => {
      const resized = image
        .clone()
        .resize({ width: side, height: side, fit: 'inside', withoutEnlargement: true });
      return [
        resized.clone().webp({ quality: 78, effort: 2 }).toBuffer(),
        resized.clone().flatten({ background: '#ffffff' }).jpeg({ quality: 82 }).toBuffer(),
      ];
    }),
  );
}

async function rate(pictures: number, one: () => Promise<unknown>): Promise<number> {
  const before = process.hrtime.bigint();
  for (let n = 0; n < pictures; n += 1) await one();
  return pictures / (Number(process.hrtime.bigint() - before) / 1e9);
}

/** Pictures a second by the worker (its process, its limits, its facts) against bare sharp making the same sizes. */
export async function benchDerivatives(effort: Effort): Promise<Measurement[]> {
  const bytes = await pictureOfPhone();
  sharp.cache(false);
  const studio = new Studio({ seconds: 60, megabytes: 4000 });
  const byWorker = async () => {
    const order = { bytes, mimeType: 'image/jpeg', maxMegapixels: 50, by: 'worker' } as const;
    const outcome = await studio.make(order);
    if (outcome.kind !== 'made' || outcome.made.length !== 6)
      throw new StackError('The worker refused the picture.', 'Run the tests in tests/media.');
  };
  const bare = () => bareSharp(bytes);
  try {
    await byWorker();
    await bare();
    const [candidate, baseline] = await inTurns(
      effort.rounds,
      () => rate(effort.pictures, byWorker),
      () => rate(effort.pictures, bare),
      () => {},
    );
    return [measurement('derivatives of 12 megapixels', '/s', candidate, baseline, { atLeast: 0.8 })];
  } finally {
    studio.close();
  }
}
