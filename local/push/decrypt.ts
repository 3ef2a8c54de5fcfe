import { createDecipheriv, createECDH, type ECDH, hkdfSync } from 'node:crypto';

/** What a browser keeps of a subscription: the private key of `p256dh`, and the secret `auth`. */
export interface SubscriptionSecrets {
  privateKey: Buffer;
  authSecret: Buffer;
}

/** Why a body is no web push for this subscription. */
export class NotDecryptable extends Error {}

const tagBytes = 16;

function agree(privateKey: Buffer, senderKey: Buffer): { shared: Buffer; receiverKey: Buffer } {
  const receiver: ECDH = createECDH('prime256v1');
  receiver.setPrivateKey(privateKey);
  try {
    return { shared: receiver.computeSecret(senderKey), receiverKey: receiver.getPublicKey() };
  } catch {
    throw new NotDecryptable('the key of the sender is no point of P-256');
  }
}

const hkdf = (secret: Buffer, salt: Buffer, info: Buffer, length: number): Buffer =>
  Buffer.from(hkdfSync('sha256', secret, salt, info, length));

const info = (name: string): Buffer => Buffer.from(`Content-Encoding: ${name}\0`);

/**
 * Reads a web push as the browser does: RFC 8291 (whose keys they are) over RFC 8188 (`aes128gcm`). Written from the RFCs
 * alone, so that a mistake of the library that encrypts is seen here.
 */
export function decryptPush(body: Buffer, { privateKey, authSecret }: SubscriptionSecrets): Buffer {
  if (body.length < 21) throw new NotDecryptable('the header is not complete');
  const salt = body.subarray(0, 16);
  const recordSize = body.readUInt32BE(16);
  const keyLength = body.readUInt8(20);
  const senderKey = body.subarray(21, 21 + keyLength);
  const record = body.subarray(21 + keyLength);
  if (keyLength !== 65 || senderKey.length !== 65) throw new NotDecryptable('the header names no key');
  // RFC 8291 §4: a push is one record, which is larger than its tag and delimiter
  if (record.length > recordSize) throw new NotDecryptable('it has more than one record');
  if (record.length <= tagBytes) throw new NotDecryptable('the record is too short');
  const { shared, receiverKey } = agree(privateKey, senderKey);
  const keyInfo = Buffer.concat([Buffer.from('WebPush: info\0'), receiverKey, senderKey]);
  const ikm = hkdf(shared, authSecret, keyInfo, 32);
  const key = hkdf(ikm, salt, info('aes128gcm'), 16);
  const nonce = hkdf(ikm, salt, info('nonce'), 12);
  const cipher = createDecipheriv('aes-128-gcm', key, nonce);
  cipher.setAuthTag(record.subarray(-tagBytes));
  let padded: Buffer;
  try {
    padded = Buffer.concat([cipher.update(record.subarray(0, -tagBytes)), cipher.final()]);
  } catch {
    throw new NotDecryptable('it was encrypted for another subscription');
  }
  const end = padded.findLastIndex((byte) => byte !== 0);
  if (padded[end] !== 2) throw new NotDecryptable('the last record has no delimiter of a last record');
  return padded.subarray(0, end);
}
