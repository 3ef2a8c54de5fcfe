// SePay's signature, computed here with node:crypto and not with the code under test: what both sides get wrong
// together would otherwise look right.
import { createHmac } from 'node:crypto';

/** The headers of a notification sent at `instant`. */
export function signedHeaders(body: string, secret: string, instant: number): Record<string, string> {
  const timestamp = String(Math.floor(instant / 1000));
  const hex = createHmac('sha256', secret).update(timestamp).update('.').update(body, 'utf8').digest('hex');
  return {
    'content-type': 'application/json',
    'user-agent': 'SePay-Webhook-Sandbox',
    'x-sepay-timestamp': timestamp,
    'x-sepay-signature': `sha256=${hex}`,
  };
}
