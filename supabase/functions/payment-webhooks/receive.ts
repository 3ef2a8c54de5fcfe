import { z } from 'zod';
import type { Rpc } from '../_shared/db.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import type { PaymentProvider, WebhookOutcome, WebhookRequest } from '../_shared/payments/provider.ts';
import { sha256Hex } from '../_shared/secrets.ts';

// Anybody can send these, so a flood of them must not fill the disk; genuine ones are far shorter.
const keptOfUnverified = 4096;

// Beyond a number per hour the database only counts them, and then there is no event. The sender is not told.
const recordedUnverified = z.looseObject({ event_id: z.int().nullable() });

// Enough to find out who sent what; never credentials.
const keptHeaders = ['user-agent', 'content-type', 'x-forwarded-for', 'traceparent'];

function storedHeaders(headers: Headers): Record<string, string> {
  const kept = keptHeaders.map((name) => [name, headers.get(name)?.slice(0, 500)] as const);
  return Object.fromEntries(kept.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/**
 * One notification: verified, stored, applied, in that order. An unverified one is stored under an id no
 * genuine one can have, since whoever sends it could otherwise occupy a real one, and goes no further; of many
 * in an hour some are only counted.
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
