import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, openWorld, tally, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

describe('receipts', () => {
  it('get numbers without gap or duplicate when many are issued at once and some roll back', async () => {
    const renter = await world.make('make_renter', 'renter');
    const host = await world.make('make_user', 'host');
    const vehicle = await world.make('make_vehicle', host, JSON.stringify({ lat: -44.5, lng: 170.5 }));
    const payments: string[] = [];
    for (let i = 0; i < 12; i += 1) {
      const [from, to] = [
        await world.make<Date>('hours', 100 + i * 20),
        await world.make<Date>('hours', 110 + i * 20),
      ];
      const booking = await world.make('make_paid_booking', renter, vehicle, from, to);
      payments.push(await world.value('select id from public.payments where payable_id = $1', booking));
    }
    const issue = (payment: string): Act => ({
      text: "(public.issue_receipt('receipt', $1)).number",
      args: [payment],
    });
    const issueAndFail = (payment: string): Act => ({
      text: "1 / (0 * (public.issue_receipt('receipt', $1)).seq)",
      args: [payment],
    });
    const outcomes = await allAtOnce(
      payments.flatMap((payment, i) => [
        issue(payment),
        i % 2 === 0 ? issueAndFail(payment) : issue(payment),
      ]),
    );
    expect(tally(outcomes)).toEqual({ ok: 18, '22012 division by zero': 6 });
    const numbers = outcomes.flatMap(({ value }) => (value === null ? [] : [value]));
    expect(new Set(numbers).size).toBe(12);
    const { rows } = await world.sql.query(
      `select r.series, max(s.last_seq) as last, max(r.seq) as highest, count(*) as issued,
         bool_and(r.issued_at >= coalesce(r.before, r.issued_at)) as in_order
       from (select *, lag(issued_at) over (partition by series order by seq) as before from public.receipts) r
       join private.receipt_series s using (series)
       group by r.series having max(s.last_seq) <> count(*) or max(r.seq) <> count(*)
         or not bool_and(r.issued_at >= coalesce(r.before, r.issued_at))`,
    );
    expect(rows).toEqual([]);
  });
});
