/** A place in a queue, as its row says in the end. */
export interface ServedPlace {
  id: string;
  number: number;
  joinedXid: bigint;
  /** Milliseconds since 1970. */
  endedAt: number | null;
  endReason: string | null;
  /** The round that admitted it. */
  round: number | null;
  /** When its person was made silent, if ever. */
  silentSince: number | null;
}

/** A round of admissions: when it chose, and which transactions it could see, as `pg_snapshot` is written. */
export interface Round {
  id: number;
  at: number;
  snapshot: string;
}

function sees(snapshot: string, xid: bigint): boolean {
  const [xmin = '0', xmax = '0', running = ''] = snapshot.split(':');
  if (xid < BigInt(xmin)) return true;
  if (xid >= BigInt(xmax)) return false;
  return !running.split(',').includes(String(xid));
}

/**
 * Who was passed over: had a lower number than somebody who was admitted, was there and alive at that time, and was not
 * admitted until then. It believes nothing that the database concludes, only what it wrote down of each place and round.
 */
export function findPassedOver(places: readonly ServedPlace[], rounds: readonly Round[]): string[] {
  const found: string[] = [];
  const byNumber = [...places].sort((a, b) => a.number - b.number);
  for (const round of rounds) {
    const last = byNumber.findLast((place) => place.round === round.id);
    if (!last) continue;
    for (const place of byNumber) {
      if (place.number >= last.number) break;
      const wasAdmitted = place.round !== null && place.round <= round.id;
      const hadLeft = place.round === null && place.endedAt !== null && place.endedAt <= round.at;
      const wasSilent = place.silentSince !== null && place.silentSince <= round.at;
      if (wasAdmitted || hadLeft || wasSilent || !sees(round.snapshot, place.joinedXid)) continue;
      found.push(`number ${place.number} (${place.endReason}) was there when ${last.number} was admitted`);
    }
  }
  return found;
}
