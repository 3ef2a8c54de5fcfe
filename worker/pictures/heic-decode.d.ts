declare module 'heic-decode' {
  /** Decodes the first picture of a HEIC file, turned as it is to be seen, to RGBA. */
  // biome-ignore lint/style/noDefaultExport: the package has no other
  export default function decode(input: {
    buffer: Uint8Array;
  }): Promise<{ width: number; height: number; data: Uint8ClampedArray }>;
}
