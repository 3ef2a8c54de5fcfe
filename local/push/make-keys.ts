// `npx node local/push/make-keys.ts` prints a new pair of VAPID keys for the secrets of the functions.
import { makeVapidPair } from './vapid-keys.ts';

const { publicKey, privateKey } = makeVapidPair();
console.log(`VAPID_PUBLIC_KEY=${publicKey}\nVAPID_PRIVATE_KEY=${privateKey}`);
