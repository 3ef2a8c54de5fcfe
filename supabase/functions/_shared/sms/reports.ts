// eSMS calls an address of ours when it knows what became of a message, and signs nothing
// (https://developers.esms.vn, Callback Url). So the address itself is signed: it holds for one delivery, and anybody who reads
// it in a log can say nothing of another.
import { sameSecret, toHex } from '../secrets.ts';

const encoder = new TextEncoder();

async function signatureOf(secret: string, deliveryId: string): Promise<string> {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const key = await crypto.subtle.importKey('raw', encoder.encode(secret), algorithm, false, ['sign']);
  return toHex(await crypto.subtle.sign('HMAC', key, encoder.encode(`sms report ${deliveryId}`)));
}

/** Where eSMS reports on the message of a delivery. */
export async function reportUrl(functionsUrl: string, secret: string, deliveryId: string): Promise<string> {
  return `${functionsUrl}/sms-webhooks/esms/${deliveryId}/${await signatureOf(secret, deliveryId)}`;
}

/** Whether we gave this address to eSMS. */
export async function isReportUrl(secret: string, deliveryId: string, signature: string): Promise<boolean> {
  return sameSecret(await signatureOf(secret, deliveryId), signature);
}
