import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, connect, openWorld, said, tally, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

describe('the floor of an account', () => {
  // in the currency of tests, which the proof of the books leaves to them
  const take = `private.post_ledger('test_floor', gen_random_uuid()::text, 'XTS', null, array[
    ('escrow', $1, $2::bigint), ('platform_revenue', '', -$2::bigint)]::private.ledger_line[])`;

  it('holds against many takers at once, none of whom waits for another in a circle', async () => {
    const owner = randomUUID();
    const post = (amount: number): Act => ({ text: take, args: [owner, amount] });
    await allAtOnce([post(-10)]);
    const outcomes = await allAtOnce(Array.from({ length: 30 }, () => post(1)));
    const refused = said(outcomes).filter((answer) =>
      answer.includes('has less money than this takes from it'),
    );
    expect([outcomes.filter(({ error }) => error === null).length, refused.length]).toEqual([10, 20]);
    expect(await world.value("private.balance('escrow', $1, 'XTS')", owner)).toBe('0');
  });

  it('is not looked at through a snapshot that does not see what others took', async () => {
    const owner = randomUUID();
    await world.value(take, owner, -10);
    const other = await connect();
    await other.query('begin isolation level repeatable read');
    await other.query('select count(*) from private.ledger_entries');
    await world.value(take, owner, 8);
    await other.query(`select ${take}`, [owner, 8]);
    await expect(other.query('commit')).rejects.toMatchObject({ code: '25000' });
    await other.end();
    expect(await world.value("private.balance('escrow', $1, 'XTS')", owner)).toBe('2');
  });
});

describe('putting a movement right', () => {
  it('takes it back once, however many do at once', async () => {
    const owner = randomUUID();
    await world.value(
      `private.post_ledger('test_slip', $1, 'XTS', null, array[
         ('host_payable', $1, -100), ('platform_revenue', '', 100)]::private.ledger_line[])`,
      owner,
    );
    const id = await world.value(
      "(select id from private.ledger_transactions where event = 'test_slip' and reference = $1)",
      owner,
    );
    const outcomes = await allAtOnce(
      Array.from({ length: 8 }, () => ({ text: "private.reverse_movement($1, 'a slip')", args: [id] })),
    );
    expect(tally(outcomes)).toEqual({ ok: 1, [`22023 there is nothing to correct in movement ${id}`]: 7 });
    expect(await world.value("private.balance('host_payable', $1, 'XTS')", owner)).toBe('0');
  });
});
