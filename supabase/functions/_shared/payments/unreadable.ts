import { sha256Hex } from '../secrets.ts';
import type { ConstructedEvent, ProviderEvent } from './provider.ts';

// no text of a provider that we know is longer, and an index of the database cannot hold a far longer one
const longestText = 500;

/**
 * A genuine message that we cannot read: it says less than we need, or says it in another form. It is kept for an
 * admin, and the provider is asked to send it again, because we may read it by then.
 * `signed` is what the provider signed, so that repeats are one message. `named` is the text where the
 * reference should be.
 */
export async function unreadable(signed: string, named: unknown): Promise<ConstructedEvent> {
  const eventId = `unreadable:${await sha256Hex(signed)}`;
  const reference = typeof named === 'string' && /^J\d{14}$/.test(named) ? named : null;
  return { verified: true, event: { kind: 'unreadable', eventId, reference } };
}

function isStorable(value: unknown): boolean {
  if (typeof value === 'string')
    return value.length <= longestText && value.isWellFormed() && !value.includes('\0');
  return typeof value !== 'object' || value === null || Object.values(value).every(isStorable);
}

/**
 * Whether the database can store the texts of an event. JSON can write a NUL and half a surrogate pair, which it
 * refuses.
 */
export function canBeStored(event: ProviderEvent): boolean {
  return isStorable(event);
}
