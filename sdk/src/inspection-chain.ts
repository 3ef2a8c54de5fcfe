import type { InspectionLink } from './bookings-rows.ts';
import { sha256Hex } from './core/sha256.ts';
import type { Uuid } from './values.ts';

/** What a chain of inspections was found to be. */
export interface ChainProof {
  /** Whether each text gives its hash, and each link follows the one before. */
  valid: boolean;
  /** The number of the first link that does not fit. Null when all do, and when only `seen` is not in the chain. */
  broken: number | null;
}

/** What the text of a link must repeat. */
interface LinkHead {
  booking_id: unknown;
  number: unknown;
  previous: unknown;
}

function headOf(record: string): LinkHead | null {
  try {
    return JSON.parse(record) as LinkHead | null;
  } catch {
    return null;
  }
}

/**
 * Recomputes the chain over the inspections of a trip: the SHA-256 of each text, and that each text names its booking, its
 * number and the hash of the link before. It asks nobody, so it also checks what was kept elsewhere. `seen` is the hash of
 * a link that was the last one at some time: a chain that was written anew from the start does not have it.
 *
 * @example
 * ```ts
 * const { data: chain } = await journey.bookings.inspectionChain(bookingId);
 * if (chain) {
 *   const { valid } = await verifyInspectionChain({ bookingId, links: chain.links });
 *   console.log(valid ? 'nothing was changed' : 'a link is not what it was');
 * }
 * ```
 */
export async function verifyInspectionChain(chain: {
  bookingId: Uuid;
  links: readonly Pick<InspectionLink, 'number' | 'record' | 'sha256'>[];
  seen?: string;
}): Promise<ChainProof> {
  let previous: string | null = null;
  for (const [i, { number, record, sha256 }] of chain.links.entries()) {
    const said = headOf(record);
    const follows =
      number === i + 1 &&
      said?.number === number &&
      said.booking_id === chain.bookingId &&
      said.previous === previous;
    if (!follows || (await sha256Hex(new TextEncoder().encode(record))) !== sha256)
      return { valid: false, broken: i + 1 };
    previous = sha256;
  }
  const { seen } = chain;
  return { valid: seen === undefined || chain.links.some(({ sha256 }) => sha256 === seen), broken: null };
}
