import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Act, allAtOnce, connect, errorCode, openWorld, said, type World } from '../support/sql.ts';

let world: World;

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world.close());

/** Two admins, and nobody else is one. */
async function twoAdmins(): Promise<[string, string]> {
  const [one, other] = [await world.make('make_admin', 'one'), await world.make('make_admin', 'other')];
  await world.sql.query('delete from public.user_roles where user_id <> all ($1::uuid[])', [[one, other]]);
  return [one, other];
}

const admins = () => world.value<number>(`select count(*)::int from public.user_roles where role = 'admin'`);

describe('the last admin', () => {
  it('stays, whichever of two admins is quicker to remove the other', async () => {
    for (let round = 0; round < 20; round += 1) {
      const [one, other] = await twoAdmins();
      const remove = (user: string, whom: string): Act => ({
        user,
        text: `public.revoke_role($1, 'admin', 'race') is null`,
        args: [whom],
      });
      const outcomes = said(await allAtOnce([remove(one, other), remove(other, one)]));
      expect(outcomes.filter((outcome) => /^(forbidden|last_admin)$/.test(outcome))).toHaveLength(1);
      expect(await admins()).toBe(1);
    }
  });

  it('stays also for two table editors whose transactions began before', async () => {
    for (const level of ['read committed', 'repeatable read', 'serializable']) {
      const [one, other] = await twoAdmins();
      const editors = await Promise.all([connect(), connect()]);
      try {
        for (const editor of editors) {
          await editor.query(`begin isolation level ${level}`);
          await editor.query('select count(*) from public.user_roles');
        }
        const outcomes = await Promise.all(
          editors.map(async (editor, i) => {
            try {
              await editor.query('delete from public.user_roles where user_id = $1', [[one, other][i]]);
              await editor.query('commit');
              return 'ok';
            } catch (error) {
              await editor.query('rollback');
              return errorCode(error);
            }
          }),
        );
        expect(outcomes, level).toContain('ok');
        expect(await admins(), level).toBe(1);
      } finally {
        await Promise.all(editors.map((editor) => editor.end()));
      }
    }
  });

  it('is one, when two first admins are made at once', async () => {
    const [one, other] = [await world.make('make_user', 'one'), await world.make('make_user', 'other')];
    await world.sql.query('alter table public.user_roles disable trigger keep_an_admin');
    await world.sql.query('delete from public.user_roles');
    await world.sql.query('alter table public.user_roles enable trigger keep_an_admin');
    await world.sql.query('update auth.users set email_confirmed_at = now() where id = any ($1::uuid[])', [
      [one, other],
    ]);
    const make = (id: string): Act => ({
      text: `(private.make_first_admin((select email from auth.users where id = $1))).role`,
      args: [id],
    });
    expect(said(await allAtOnce([make(one), make(other)])).sort()).toEqual(['admin', 'admin_exists']);
    expect(await admins()).toBe(1);
  });
});
