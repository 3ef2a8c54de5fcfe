/**
 * Turns broadcasts that may be lost, repeated or reordered, and reads that are complete, into one stream in which
 * every row comes once and in order. Pure: no clock, no network.
 *
 * It relies on two promises of the backend: sequence numbers are given without holes in commit order, and a read
 * begun after row N was seen shows every row up to N that still exists. Rows that are missing from such a read
 * were deleted, and are skipped.
 */
export class SequenceKeeper<Row extends { seq: number }> {
  #last: number;
  #horizon: number;
  readonly #held = new Map<number, Row>();

  /** @param last the sequence of the newest row the consumer already has; 0 for none */
  constructor(last: number) {
    this.#last = last;
    this.#horizon = last;
  }

  /** Everything up to here was delivered, or is known to be deleted. */
  get last(): number {
    return this.#last;
  }

  /** The newest sequence known to have been given. */
  get horizon(): number {
    return this.#horizon;
  }

  /** Whether rows are known to exist that can't be delivered yet. */
  get hasGap(): boolean {
    return this.#horizon > this.#last;
  }

  /** A row from a broadcast. Returns what may be delivered now, in order. */
  accept(row: Row): Row[] {
    if (row.seq <= this.#last) return [];
    this.#held.set(row.seq, row);
    this.expect(row.seq);
    return this.#release();
  }

  /** Says that this sequence has been given, without its row. */
  expect(seq: number): void {
    this.#horizon = Math.max(this.#horizon, seq);
  }

  /**
   * Rows read from the backend after `last`, ascending. `knownBefore` is the horizon when the read began;
   * `complete` says that there was nothing more to read. Returns what may be delivered now, in order.
   */
  repair(rows: readonly Row[], knownBefore: number, complete: boolean): Row[] {
    let reached = complete ? knownBefore : this.#last;
    for (const row of rows) {
      if (row.seq > this.#last && !this.#held.has(row.seq)) this.#held.set(row.seq, row);
      reached = Math.max(reached, row.seq);
    }
    this.expect(reached);
    const ready: Row[] = [];
    for (const seq of [...this.#held.keys()].sort((a, b) => a - b)) {
      if (seq > reached) break;
      ready.push(...this.#take(seq));
    }
    this.#last = Math.max(this.#last, reached);
    return [...ready, ...this.#release()];
  }

  #release(): Row[] {
    const ready: Row[] = [];
    while (this.#held.has(this.#last + 1)) {
      ready.push(...this.#take(this.#last + 1));
      this.#last += 1;
    }
    return ready;
  }

  #take(seq: number): Row[] {
    const row = this.#held.get(seq);
    this.#held.delete(seq);
    return row === undefined ? [] : [row];
  }
}

/**
 * Reads to the end, delivering as it goes. Returns how many rows came by reading, or null
 * when a read failed: what was delivered stays delivered, and the repair can be begun again.
 */
export async function repairGap<Row extends { seq: number }>(
  keeper: SequenceKeeper<Row>,
  readAfter: (seq: number) => Promise<readonly Row[] | null>,
  deliver: (rows: Row[]) => void,
): Promise<number | null> {
  let repaired = 0;
  while (true) {
    const knownBefore = keeper.horizon;
    const rows = await readAfter(keeper.last);
    if (rows === null) return null;
    // Pages are cut short by the backend, and what was known may not be the end: only an empty one is.
    const complete = rows.length === 0;
    const ready = keeper.repair(rows, knownBefore, complete);
    repaired += ready.length;
    deliver(ready);
    if (complete && !keeper.hasGap) return repaired;
  }
}
