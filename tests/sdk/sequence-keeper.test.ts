import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { repairGap, SequenceKeeper } from '../../sdk/src/realtime/sequence-keeper.ts';

interface Row {
  seq: number;
}
const rowsOf = (...seqs: number[]): Row[] => seqs.map((seq) => ({ seq }));
const seqsOf = (rows: Row[]): number[] => rows.map((row) => row.seq);

describe('the sequence keeper', () => {
  it('delivers what comes in order at once', () => {
    const keeper = new SequenceKeeper<Row>(3);
    expect(seqsOf(keeper.accept({ seq: 4 }))).toEqual([4]);
    expect(seqsOf(keeper.accept({ seq: 5 }))).toEqual([5]);
    expect(keeper.hasGap).toBe(false);
  });

  it('drops what was delivered before', () => {
    const keeper = new SequenceKeeper<Row>(3);
    keeper.accept({ seq: 4 });
    expect(keeper.accept({ seq: 4 })).toEqual([]);
    expect(keeper.accept({ seq: 2 })).toEqual([]);
  });

  it('holds what came too early until the missing row is there', () => {
    const keeper = new SequenceKeeper<Row>(0);
    expect(keeper.accept({ seq: 3 })).toEqual([]);
    expect(keeper.hasGap).toBe(true);
    expect(keeper.accept({ seq: 2 })).toEqual([]);
    expect(seqsOf(keeper.accept({ seq: 1 }))).toEqual([1, 2, 3]);
    expect(keeper.hasGap).toBe(false);
  });

  it('notices a lost last row by its number alone', () => {
    const keeper = new SequenceKeeper<Row>(1);
    keeper.expect(2);
    expect(keeper.hasGap).toBe(true);
  });

  it('skips rows that a complete read no longer shows, and delivers a held one among them', () => {
    const keeper = new SequenceKeeper<Row>(0);
    keeper.accept({ seq: 3 });
    keeper.accept({ seq: 6 });
    expect(seqsOf(keeper.repair(rowsOf(1, 5), 6, true))).toEqual([1, 3, 5, 6]);
    expect(keeper.last).toBe(6);
  });

  it('does not skip rows beyond a page that was cut short', () => {
    const keeper = new SequenceKeeper<Row>(0);
    keeper.accept({ seq: 9 });
    expect(seqsOf(keeper.repair(rowsOf(1, 2), 9, false))).toEqual([1, 2]);
    expect(keeper.hasGap).toBe(true);
  });

  it('keeps a row that arrived while a read was under way', () => {
    const keeper = new SequenceKeeper<Row>(0);
    keeper.accept({ seq: 2 });
    const known = keeper.horizon;
    keeper.accept({ seq: 4 });
    expect(seqsOf(keeper.repair(rowsOf(1, 2), known, true))).toEqual([1, 2]);
    expect(keeper.hasGap).toBe(true);
    expect(seqsOf(keeper.accept({ seq: 3 }))).toEqual([3, 4]);
  });

  it('leaves everything as it was when a read fails, and goes on with the next', async () => {
    const keeper = new SequenceKeeper<Row>(0);
    keeper.accept({ seq: 2 });
    const delivered: Row[] = [];
    expect(
      await repairGap(
        keeper,
        async () => null,
        (rows) => delivered.push(...rows),
      ),
    ).toBeNull();
    expect(delivered).toEqual([]);
    const read = async (after: number) => rowsOf(1, 2).filter((row) => row.seq > after);
    expect(await repairGap(keeper, read, (rows) => delivered.push(...rows))).toBe(2);
    expect(seqsOf(delivered)).toEqual([1, 2]);
  });
});

/** What may happen between a backend and a client whose connection loses, repeats and reorders. */
type Step =
  | { kind: 'write' }
  | { kind: 'broadcast'; which: number }
  | { kind: 'hint'; which: number }
  | { kind: 'delete'; which: number }
  | { kind: 'repair'; during: { write: boolean; which: number }[]; failAt: number | null };

const which = fc.nat({ max: 1000 });
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ kind: 'write' }) },
  { weight: 4, arbitrary: which.map((value): Step => ({ kind: 'broadcast', which: value })) },
  { weight: 1, arbitrary: which.map((value): Step => ({ kind: 'hint', which: value })) },
  { weight: 1, arbitrary: which.map((value): Step => ({ kind: 'delete', which: value })) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant<'repair'>('repair'),
      during: fc.array(fc.record({ write: fc.boolean(), which }), { maxLength: 4 }),
      failAt: fc.option(fc.nat({ max: 2 })),
    }),
  },
);

describe('gap repair', () => {
  it('ends complete, in order and without repeats, whatever was lost, repeated, reordered or deleted', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 4 }),
        fc.nat({ max: 3 }),
        async (steps, pageSize, before) => {
          const deleted = new Set<number>();
          let newest = before;
          const delivered: number[] = [];
          const broadcast = new Set<number>();
          const keeper = new SequenceKeeper<Row>(before);
          const deliver = (rows: Row[]): void => void delivered.push(...seqsOf(rows));
          // any row written so far, as an index into them
          const pick = (value: number): number | null => (newest === 0 ? null : 1 + (value % newest));
          const send = (value: number): void => {
            const seq = pick(value);
            if (seq === null) return;
            broadcast.add(seq);
            deliver(keeper.accept({ seq }));
          };
          const read = (after: number): Row[] => {
            const rows: Row[] = [];
            for (let seq = after + 1; seq <= newest && rows.length < pageSize; seq += 1)
              if (!deleted.has(seq)) rows.push({ seq });
            return rows;
          };
          for (const one of steps) {
            if (one.kind === 'write') newest += 1;
            else if (one.kind === 'broadcast') send(one.which);
            else if (one.kind === 'hint') keeper.expect(pick(one.which) ?? 0);
            else if (one.kind === 'delete') {
              const seq = pick(one.which);
              if (seq !== null) deleted.add(seq);
            } else {
              const during = [...one.during];
              let reads = 0;
              const readAfter = async (after: number): Promise<Row[] | null> => {
                const rows = read(after);
                const event = during.shift();
                // what happens after the backend has read, and before the client has the answer
                if (event?.write) newest += 1;
                if (event) send(event.which);
                reads += 1;
                return one.failAt === reads - 1 ? null : rows;
              };
              await repairGap(keeper, readAfter, deliver);
            }
            expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
          }
          await repairGap(keeper, async (after) => read(after), deliver);
          expect(delivered).toEqual([...new Set(delivered)].sort((a, b) => a - b));
          const mustHave = Array.from({ length: newest - before }, (_, i) => before + 1 + i).filter(
            (seq) => !deleted.has(seq),
          );
          expect(delivered).toEqual(expect.arrayContaining(mustHave));
          for (const seq of delivered) expect(seq > before && seq <= newest).toBe(true);
          expect(keeper.last).toBeLessThanOrEqual(newest);
          expect(keeper.hasGap).toBe(false);
        },
      ),
      { numRuns: 1000 },
    );
  });
});
