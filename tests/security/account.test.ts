import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { client, closeSql, ok, type Person, person, sql } from '../support/world.ts';
import { codeOf, post, tokenOf } from './attack.ts';

let victim: Person;
let attacker: Person;
let token: string;

beforeAll(async () => {
  [victim, attacker] = [await person('victim'), await person('attacker')];
  token = await tokenOf(attacker);
});
afterAll(closeSql);

const exists = async (one: Person) =>
  (await sql('select from auth.users where id = $1 and email = $2', [one.id, one.email])).length === 1;

describe('the account of another', () => {
  it('is not deleted by an argument, and the own one not without a step-up of this session', async () => {
    for (const extra of [{ user_id: victim.id }, { p_user_id: victim.id }, { id: victim.id }]) {
      const answer = await post('/rest/v1/rpc/delete_account', extra, { token });
      expect(answer.status, JSON.stringify(extra)).toBe(404);
    }
    expect(codeOf(await post('/rest/v1/rpc/delete_account', {}, { token }))).toBe('step_up_required');
    expect((await post('/rest/v1/rpc/delete_account', {})).status).toBe(401);
    expect((await post('/rest/v1/rpc/erase_leftovers', { user_id: victim.id }, { token })).status).toBe(403);
    expect([await exists(victim), await exists(attacker)]).toEqual([true, true]);
  });

  it('keeps its sessions: another person sees none of them and ends none', async () => {
    const listed = await post('/rest/v1/rpc/my_sessions', {}, { token });
    const theirs = await sql<{ id: string }>('select id from auth.sessions where user_id = $1', [victim.id]);
    expect(theirs.length).toBeGreaterThan(0);
    for (const { id } of theirs) {
      expect(listed.text).not.toContain(id);
      const ended = await post('/rest/v1/rpc/end_session', { session_id: id }, { token });
      const nothing = await post('/rest/v1/rpc/end_session', { session_id: crypto.randomUUID() }, { token });
      expect([ended.status, ended.text]).toEqual([nothing.status, nothing.text]);
    }
    expect(await sql('select id from auth.sessions where user_id = $1', [victim.id])).toHaveLength(
      theirs.length,
    );
    const again = client();
    await ok(again.auth.signIn({ email: victim.email, password: 'correct horse battery' }));
  });
});
