import { fromHex, sha256Hex } from './sha256.ts';

const blockSize = 64;

function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

/** HMAC-SHA256 (RFC 2104) as lower-case hex, for a key of at most 64 bytes. */
export async function hmacSha256Hex(key: Uint8Array, message: Uint8Array): Promise<string> {
  const padded = new Uint8Array(blockSize);
  padded.set(key);
  const inner = fromHex(
    await sha256Hex(
      join(
        padded.map((byte) => byte ^ 0x36),
        message,
      ),
    ),
  );
  return sha256Hex(
    join(
      padded.map((byte) => byte ^ 0x5c),
      inner,
    ),
  );
}
