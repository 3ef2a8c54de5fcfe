import { createECDH } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Both in base64url, as in VAPID_PUBLIC_KEY and VAPID_PRIVATE_KEY. */
export interface VapidPair {
  publicKey: string;
  privateKey: string;
}

/** A new pair of VAPID keys. */
export function makeVapidPair(): VapidPair {
  const keys = createECDH('prime256v1');
  keys.generateKeys();
  // a private key that begins with zeros is shorter than 32 bytes
  const privateKey = Buffer.concat([Buffer.alloc(32), keys.getPrivateKey()]).subarray(-32);
  return { publicKey: keys.getPublicKey('base64url'), privateKey: privateKey.toString('base64url') };
}

/** The pair of one stack, made once and kept: browsers subscribe with its public key. */
export function loadVapidPair(dir: string): VapidPair {
  const file = join(dir, 'vapid.json');
  if (existsSync(file)) {
    try {
      const pair = JSON.parse(readFileSync(file, 'utf8')) as Partial<VapidPair>;
      if (pair.publicKey && pair.privateKey) return pair as VapidPair;
    } catch {
      // A file that a killed run wrote in part; a new pair is made below.
    }
  }
  const pair = makeVapidPair();
  mkdirSync(dir, { recursive: true });
  writeFileSync(file, `${JSON.stringify(pair, null, 2)}\n`, { mode: 0o600 });
  return pair;
}
