import { z } from 'zod';
import type { Rpc } from '../_shared/db.ts';
import { applyEvent } from '../_shared/payments/apply-event.ts';
import type {
  PaymentProvider,
  ProviderName,
  WebhookOutcome,
  WebhookRequest,
} from '../_shared/payments/provider.ts';
import { canBeStored, unreadable } from '../_shared/payments/unreadable.ts';
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

type Kept = Pick<WebhookRequest, 'query' | 'body' | 'headers'>;

function rawOf({ query, body }: Kept): string {
  return [query, body].filter((part) => part !== '').join('\n');
}

/**
 * Stores a message that nobody vouches for, under an id that no genuine one can have, because its sender could
 * otherwise take the id of a genuine one. When many come in an hour, some are only counted.
 */
export async function keepUnverified(provider: ProviderName, message: Kept, service: Rpc): Promise<void> {
  const raw = rawOf(message);
  // the database stores neither a NUL nor half a surrogate pair, and the cut may leave one
  const beginning = raw.slice(0, keptOfUnverified).replaceAll('\0', '\uFFFD').toWellFormed();
  await service.call(
    'record_payment_event',
    {
      provider,
      provider_event_id: `unverified:${await sha256Hex(raw)}`,
      verified: false,
      reference: null,
      raw: beginning,
      headers: storedHeaders(message.headers),
    },
    recordedUnverified,
  );
}

/** One notification: verify, store, apply, in that order. One that is not verified is not applied. */
export async function receiveNotification(
  provider: PaymentProvider,
  request: WebhookRequest,
  service: Rpc,
): Promise<WebhookOutcome> {
  const raw = rawOf(request);
  let constructed = await provider.constructEvent(request);
  if (constructed.verified && !canBeStored(constructed.event)) constructed = await unreadable(raw, null);
  if (!constructed.verified) {
    await keepUnverified(provider.name, request, service);
    return constructed.reason;
  }
  const headers = storedHeaders(request.headers);
  return applyEvent({ provider: provider.name, event: constructed.event, raw, headers }, service);
}
