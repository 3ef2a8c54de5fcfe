// The smallest JPEG that decoders accept: one grey pixel.
const pixel = Buffer.from(
  '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=',
  'base64',
);

/** A unique picture: the pixel with a comment in it, so that its hash is unique. */
export function photo(caption: string): Uint8Array<ArrayBuffer> {
  const comment = Buffer.from(`${caption} ${crypto.randomUUID()}`);
  const segment = Buffer.concat([
    Buffer.from([0xff, 0xfe, (comment.length + 2) >> 8, (comment.length + 2) & 0xff]),
    comment,
  ]);
  // after the start-of-image marker
  return new Uint8Array(Buffer.concat([pixel.subarray(0, 2), segment, pixel.subarray(2)]));
}
