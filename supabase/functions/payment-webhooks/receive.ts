import { z } from 'zod';
import type { Rpc } from '../_shared/db.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import type { PaymentProvider, WebhookOutcome, WebhookRequest } from '../_shared/payments/provider.ts';
import { sha256Hex } from '../_shared/secrets.ts';

// Anybody can send these, so a flood of them must not fill the disk. Genuine ones are far shorter.
const keptOfUnverified = 4096;

// Above an hourly limit the database only counts them, and then there is no event. The sender does not learn
// this.
const recordedUnverified = z.looseObject({ event_id: z.int().nullable() });

// Enough to find out who sent what. DO NOT add headers with credentials.
const keptHeaders = ['user-agent', 'content-type', 'x-forwarded-for', 'traceparent'];

function storedHeaders(headers: Headers): Record<string, string> {
  const kept = keptHeaders.map((name) => [name, headers.get(name)?.slice(0, 500)] as const);
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * One notification: verify, store, apply, in that order. An unverified one is stored under an id that no
 * genuine one can have, because its sender could otherwise take the id of a genuine one. It is not applied.
 * When many come in an hour, some are only counted.
 */
export async function receiveNotification(
  provider: PaymentProvider,
  request: WebhookRequest,
  service: Rpc,
): Promise<WebhookOutcome> {
  const raw = [request.query, request.body].filter((part) => part !== '').join('\n');
  const headers = storedHeaders(request.headers);
  const constructed = await provider.constructEvent(request);
  if (!constructed.verified) {
    await service.call(
      'record_payment_event',
      {
        provider: provider.name,
        provider_event_id: `unverified:${await sha256Hex(raw)}`,
        verified: false,
        reference: null,
        raw: raw.slice(0, keptOfUnverified),
        headers,
      },
      recordedUnverified,
    );
    return constructed.reason;
  }
  return applyEvent({ provider: provider.name, event: constructed.event, raw, headers }, service);
}
