import { describe, expect, it } from 'vitest';
import { broadcastsIn, checkBroadcasts } from '../../local/lints/broadcasts.ts';
import { checkCommands, commandProblems } from '../../local/lints/commands.ts';
import { type Command, readComment } from '../../sdk/scripts/commands.ts';
import { raisedCodes } from '../../sdk/scripts/raised.ts';

const codes = new Map([
  ['forbidden', 403],
  ['invalid_input', 400],
  ['licence_required', 403],
  ['quote_expired', 409],
  ['quote_used', 409],
  ['illegal_transition', 409],
]);
/** What `public.f` can raise, given the bodies of functions of private. */
const raised = (bodies: Record<string, string>, triggers: { table: string; function: string }[] = []) => {
  const functions = Object.entries(bodies).map(([name, body]) => ({ name: `private.${name}`, body }));
  const command = { name: 'public.f', body: ' select private.f() ' };
  const found = raisedCodes([command, ...functions], triggers, codes).get('public.f');
  return { certain: [...(found?.certain ?? [])].sort(), possible: [...(found?.possible ?? [])].sort() };
};
const certain = (bodies: Record<string, string>) => raised(bodies).certain;

describe('what a command can raise', () => {
  it('is followed through what it calls, also in a circle', () => {
    const bodies = {
      f: 'perform private.g();',
      g: "perform private.f(); perform private.fail('forbidden');",
      unused: "perform private.fail('invalid_input');",
    };
    expect(certain(bodies)).toEqual(['forbidden']);
  });

  it('is every code that one call chooses from', () => {
    const f = "perform private.fail(case when a = 'x' then 'quote_used' else 'quote_expired' end, '{}');";
    expect(certain({ f })).toEqual(['quote_expired', 'quote_used']);
  });

  it('is what another function answers, where that is raised', () => {
    const answer = "return 'licence_required';";
    expect(certain({ f: 'v := private.g(); perform private.fail(v);', g: answer })).toEqual([
      'licence_required',
    ]);
    expect(certain({ f: 'v := private.g(); return v;', g: answer })).toEqual([]);
  });

  it('is what reasons are collected from, however deep', () => {
    const of = (result: string) => {
      const functions = [
        { name: 'public.f', body: 'v := private.g(); perform private.fail(v[1].code, v[1].details);' },
        { name: 'private.g', body: 'return private.h();', result },
        { name: 'private.h', body: "return 'licence_required';" },
      ];
      return [...(raisedCodes(functions, [], codes).get('public.f')?.certain ?? [])];
    };
    expect(of('private.eligibility_reason[]')).toEqual(['licence_required']);
    expect(of('jsonb')).toEqual([]);
  });

  it('is not what a comment names, nor what is caught', () => {
    expect(certain({ f: "-- perform private.fail('forbidden');\nnull;" })).toEqual([]);
    const f = "begin perform private.g(); exception when sqlstate 'PT400' then null; end;";
    expect(certain({ f, g: "perform private.fail('invalid_input');" })).toEqual([]);
    expect(certain({ f, g: "perform private.fail('forbidden');" })).toEqual(['forbidden']);
  });

  it('may be what a trigger raises on a table it writes', () => {
    const bodies = {
      f: 'update public.things set status = 1;',
      move: "perform private.fail('illegal_transition');",
    };
    const trigger = { table: 'public.things', function: 'private.move' };
    expect(raised(bodies, [trigger])).toEqual({ certain: [], possible: ['illegal_transition'] });
  });
});

describe('the comment of a command', () => {
  const known = new Set(codes.keys());
  const problems = (comment: string, certainly: string[], possibly = certainly) => {
    const command: Command = { name: 'f', kind: 'once', args: [], roles: [], ...readComment(comment) };
    return commandProblems(command, { certain: new Set(certainly), possible: new Set(possibly) }, known);
  };

  it('is read as text, marker and list', () => {
    expect(
      readComment('Does it, e.g. now. Repeatable. Errors: forbidden, invalid_input (details.field).'),
    ).toEqual({
      summary: 'Does it, e.g. now.',
      repeatable: true,
      reads: false,
      errors: [
        { code: 'forbidden', note: null },
        { code: 'invalid_input', note: 'details.field' },
      ],
      problem: null,
    });
    expect(readComment('Finds it. Reads only. Errors: forbidden.')).toMatchObject({
      summary: 'Finds it.',
      reads: true,
    });
    expect(readComment('Does it.')).toMatchObject({ summary: 'Does it.', errors: [], problem: null });
  });

  it('is refused when it names too much, too little, or what does not exist', () => {
    expect(problems('F. Errors: forbidden.', ['forbidden'])).toEqual([]);
    expect(problems('F.', ['forbidden'])).toEqual(['can raise forbidden and does not list it']);
    expect(problems('F. Errors: forbidden.', [])).toEqual(['lists forbidden, which nothing it calls raises']);
    expect(problems('F. Errors: forbiden.', [])).toEqual([
      'lists forbiden, which is not in private.error_codes',
    ]);
    expect(problems('F. Errors: illegal_transition.', [], ['illegal_transition'])).toEqual([]);
    expect(problems('F. Errors: licence_*.', ['licence_required'])).toHaveLength(1);
    expect(problems('F. Errors: .', [])).toHaveLength(1);
  });

  it('is right for every command of the database', async () => {
    const url = process.env.ADMIN_DB_URL ?? process.env.DB_URL;
    if (!url) throw new Error('No database: run these tests with npm test');
    expect(await checkCommands(url)).toEqual([]);
  });
});

describe('live events', () => {
  it('are found where they are sent', () => {
    const body = `perform private.broadcast('user:' || p_id, 'inbox', '{}'); -- private.broadcast('x:' || 1, 'y', z)`;
    expect(broadcastsIn(body)).toEqual(['user:… inbox']);
    expect(broadcastsIn("perform private.broadcast_to_users('inbox', v_payload, v_ids);")).toEqual([
      'user:… inbox',
    ]);
    expect(broadcastsIn('perform private.broadcast(v_topic, v_event, v_payload);')).toEqual([null]);
  });

  it('are registered for the reference, all that are sent and no other', async () => {
    const url = process.env.ADMIN_DB_URL ?? process.env.DB_URL;
    if (!url) throw new Error('No database: run these tests with npm test');
    expect(await checkBroadcasts(url)).toEqual([]);
  });
});
