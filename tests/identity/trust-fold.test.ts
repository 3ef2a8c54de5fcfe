import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, openWorld, said, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

/** An event of one of a few kinds for one of a few causes, or its counter-event. */
const step = fc.record({
  kind: fc.constantFrom('trip_completed', 'returned_late', 'cancelled_late', 'no_show', 'host_cancelled'),
  cause: fc.integer({ min: 0, max: 20 }),
  voids: fc.boolean(),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const causeId = (cause: number, person: number): string =>
  `00000000-0000-4000-8000-${String(person * 1000 + cause).padStart(12, '0')}`;

async function score(
  steps: Step[],
  person: number,
): Promise<{ stored: number; recomputed: number; version: number }> {
  const user = await world.make('make_user', 'somebody');
  for (const { kind, cause, voids } of steps) {
    await (voids
      ? world.sql.query('select private.void_trust_event($1, $2, $3)', [
          kind,
          'booking',
          causeId(cause, person),
        ])
      : world.sql.query('select private.record_trust_event($1, $2, $3, $4)', [
          user,
          kind,
          'booking',
          causeId(cause, person),
        ]));
  }
  const { rows } = await world.sql.query(
    `select credit_score as stored, private.trust_score(id) as recomputed, private.trust_score_version() as version
     from public.profiles where id = $1`,
    [user],
  );
  return rows[0];
}

/** What the events should make, written anew. */
function model(steps: Step[], kinds: Map<string, { points: number; cap: number }>): number {
  const given = new Set<string>();
  const taken = new Set<string>();
  for (const { kind, cause, voids } of steps) {
    const key = `${kind} ${cause}`;
    if (!voids) given.add(key);
    else if (given.has(key)) taken.add(key);
  }
  let sum = 500;
  for (const [kind, { points, cap }] of kinds) {
    const count = [...given].filter((key) => key.startsWith(`${kind} `) && !taken.has(key)).length;
    sum += Math.max(-cap, Math.min(cap, count * points));
  }
  return Math.max(0, Math.min(1000, sum));
}

describe('the credit score', () => {
  it('is what a simple model makes of any events, and the stored one is what is recomputed', async () => {
    const { rows } = await world.sql.query('select kind, points, cap from private.trust_kinds');
    const kinds = new Map(rows.map(({ kind, points, cap }) => [kind as string, { points, cap }]));
    let person = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        person += 1;
        const wanted = model(steps, kinds);
        expect(await score(steps, person)).toEqual({ stored: wanted, recomputed: wanted, version: 1 });
      }),
      { numRuns: 40 },
    );
  });

  it('does not depend on the order in which the events came', async () => {
    let person = 100_000;
    const events = fc.array(
      step.map((one) => ({ ...one, voids: false })),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(
        events.chain((all) =>
          fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length })),
        ),
        async ([steps, shuffled]) => {
          person += 2;
          expect((await score(shuffled, person)).stored).toBe((await score(steps, person + 1)).stored);
        },
      ),
      { numRuns: 25 },
    );
  });

  it('counts every event of many transactions at once, without a deadlock', async () => {
    const [one, other] = [await world.make('make_user', 'one'), await world.make('make_user', 'other')];
    const act = (first: string, second: string, kind: string): Act => ({
      text: `(select count(*) from (values ($1::uuid), ($2::uuid)) u (id), lateral (select private.record_trust_event(u.id, $3, 'booking', gen_random_uuid())) r)`,
      args: [first, second, kind],
    });
    // each transaction writes both people, half of them in the other order
    const acts = Array.from({ length: 12 }, (_, i) =>
      i % 2 === 0 ? act(one, other, 'trip_completed') : act(other, one, 'returned_late'),
    );
    expect(new Set(said(await allAtOnce(acts)))).toEqual(new Set(['2']));
    const { rows } = await world.sql.query(
      'select credit_score as stored, private.trust_score(id) as recomputed from public.profiles where id = any ($1::uuid[])',
      [[one, other]],
    );
    expect(rows).toEqual(Array(2).fill({ stored: 440, recomputed: 440 }));
  });

  it('counts one cause once, however often it is told at once', async () => {
    const user = await world.make('make_user', 'somebody');
    const act: Act = {
      text: `private.record_trust_event($1, 'no_show', 'booking', '10000000-0000-4000-8000-000000000009') is null`,
      args: [user],
    };
    await allAtOnce(Array.from({ length: 8 }, () => act));
    expect(await world.value('(select credit_score from public.profiles where id = $1)', user)).toBe(440);
  });
});
