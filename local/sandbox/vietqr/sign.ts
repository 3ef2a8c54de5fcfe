// SePay's signature. This code uses node:crypto and not the code under test: a mistake that both sides share
// would otherwise stay hidden.
import { createHmac } from 'node:crypto';

/** The headers of a notification that is sent at `instant`. */
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
