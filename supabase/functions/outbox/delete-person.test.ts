import { describe, expect, it } from 'vitest';
import { row, work } from '../../../tests/support/outbox.ts';

const user_id = 'ab1c2d3e-0000-4000-8000-000000000078';
const files = (count: number) =>
  Array.from({ length: count }, (_, n) => ({ bucket: 'licences', path: `${user_id}/${n}.jpeg` }));

describe('topic delete_auth_user', () => {
  it('has Auth delete the account', async () => {
    const { outside, report } = await work({ rows: [row('delete_auth_user', { user_id })] });
    expect(outside.deletedUsers).toEqual([user_id]);
    expect(report).toMatchObject({ done: 1 });
  });
});

describe('topic erase_leftovers', () => {
  it('removes files until the database names no more', async () => {
    const left = [files(100), files(3), []];
    const { named } = await work({
      rows: [row('erase_leftovers', { user_id })],
      database: { erase_leftovers: () => left.shift() },
    });
    expect(named('erase_leftovers')).toHaveLength(3);
    expect(named('complete_outbox')[0]?.result).toEqual({ removed: 103 });
  });

  it('goes on later when there are very many, and counts no failure', async () => {
    const { named } = await work({
      rows: [row('erase_leftovers', { user_id })],
      database: { erase_leftovers: () => files(1) },
    });
    expect(named('defer_outbox')[0]).toMatchObject({ reason: 'no_turn' });
    expect(named('fail_outbox')).toEqual([]);
  });
});
