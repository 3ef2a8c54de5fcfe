import { Webhook } from 'standardwebhooks';
import { type Network, problemOf } from '../foreign-server.ts';

export interface WebhookMessage {
  url: string;
  id: string;
  body: string;
  /** The current one, and an earlier one while it is being changed. */
  secrets: readonly string[];
}

/** What store_webhook_try takes. `problem` is for the owner of the endpoint: it names no address of ours. */
export type WebhookOutcome =
  | { kind: 'delivered'; http_status: number }
  | { kind: 'failed'; http_status: number | null; problem: string };

export type WebhookSender = (message: WebhookMessage) => Promise<WebhookOutcome>;

const timeoutMs = 10_000;

/**
 * Sends events to servers that people named, signed as Standard Webhooks says. Such a server is not trusted: no address but a
 * public one, no redirect, ten seconds, and its answer is not read.
 */
export function webhookSender(network: Network, now: () => number): WebhookSender {
  return async ({ url, id, body, secrets }) => {
    const failed = (problem: string, status: number | null = null): WebhookOutcome => ({
      kind: 'failed',
      http_status: status,
      problem,
    });
    const target = URL.parse(url);
    if (target === null) return failed('its address cannot be read');
    const problem = await problemOf(target, network);
    if (problem !== null) return failed(problem);
    const at = new Date(now());
    const signal = AbortSignal.timeout(timeoutMs);
    try {
      const answer = await network.fetch(target, {
        method: 'POST',
        body,
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Journey-Webhooks/1',
          'webhook-id': id,
          'webhook-timestamp': Math.floor(at.getTime() / 1000).toString(),
          'webhook-signature': secrets.map((secret) => new Webhook(secret).sign(id, at, body)).join(' '),
        },
        redirect: 'manual',
        signal,
      });
      await answer.body?.cancel();
      const { status } = answer;
      if (status >= 200 && status < 300) return { kind: 'delivered', http_status: status };
      return failed(`its server answered ${status}`, status);
    } catch {
      return failed(
        signal.aborted ? 'its server took more than 10 seconds' : 'its server could not be reached',
      );
    }
  };
}
