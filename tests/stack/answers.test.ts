import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { asPostgres, member, service, stack, untilKnown, visitor } from './harness.ts';

const objects = `
  create table public.stack_rows (
    id int primary key,
    label text unique,
    amount int check (amount >= 0),
    required text not null default 'x',
    parent int references public.stack_rows (id),
    span int4range,
    details jsonb,
    big bigint,
    at timestamptz,
    day date,
    words text[],
    exclude using gist (span with &&)
  );
  grant select, insert, update, delete on public.stack_rows to authenticated, service_role;
  create function public.stack_raise(state text, text_ text, detail_ text default null, hint_ text default null)
  returns void language plpgsql as $$
  begin
    raise exception using errcode = state, message = text_, detail = coalesce(detail_, ''), hint = coalesce(hint_, '');
  end $$;
  create function public.stack_setting(name text) returns text language sql stable
  as $$ select current_setting(name, true) $$;
  create function public.stack_sleep(seconds float8) returns text language plpgsql
  as $$ begin perform pg_sleep(seconds); return 'slept'; end $$;
  create function public.stack_one() returns public.stack_rows language sql stable
  as $$ select * from public.stack_rows where id = 1 $$;
  create function public.stack_many() returns setof public.stack_rows language sql stable
  as $$ select * from public.stack_rows order by id $$;
  create function public.stack_echo(given jsonb) returns jsonb language sql stable as $$ select given $$;
  create function public.stack_kind(given jsonb) returns text language sql stable as $$ select jsonb_typeof(given) $$;
  create function public.stack_nothing() returns void language sql as $$ select $$;
  create function public.stack_keywords("position" int, "order" text, "Mixed" int default 0) returns text language sql
  as $$ select "position" || "order" || "Mixed" $$;
  grant execute on function public.stack_keywords, public.stack_raise, public.stack_setting, public.stack_sleep, public.stack_one,
    public.stack_many, public.stack_echo, public.stack_kind, public.stack_nothing
  to anon, authenticated, service_role;
`;

const drop = `
  drop function if exists public.stack_keywords, public.stack_raise, public.stack_setting, public.stack_sleep, public.stack_one,
    public.stack_many, public.stack_echo, public.stack_kind, public.stack_nothing;
  drop table if exists public.stack_rows;
`;

beforeAll(async () => {
  await asPostgres((db) => db.query(drop + objects));
  await untilKnown('stack_nothing');
});

afterAll(async () => {
  await asPostgres((db) => db.query(drop));
});

describe('errors of the database', () => {
  const cases: [state: string, status: number][] = [
    ['P0001', 400],
    ['23P01', 400],
    ['23514', 400],
    ['23502', 400],
    ['23503', 409],
    ['23505', 409],
    ['22023', 400],
    ['40001', 500],
    ['42883', 404],
    ['55P03', 500],
    ['53300', 503],
    ['PT402', 402],
    ['PT409', 409],
    ['PT429', 429],
    ['42501', 401],
  ];
  it.each(cases)('%s is HTTP %i, with its code, message, detail and hint', async (state, status) => {
    const args = { state, text_: 'what is wrong', detail_: '{"code":"some_code"}', hint_: 'do this' };
    const answer = await visitor().rpc('stack_raise', args);
    expect(answer.status).toBe(status);
    expect(answer.error).toMatchObject({
      code: state,
      message: 'what is wrong',
      details: '{"code":"some_code"}',
      hint: 'do this',
    });
  });

  it('a refused grant is 401 for a visitor and 403 for a user', async () => {
    await asPostgres((db) => db.query('revoke select on public.stack_rows from authenticated'));
    const user = await member();
    expect((await visitor().from('stack_rows').select()).status).toBe(401);
    const refused = await user.client.from('stack_rows').select();
    expect(refused.status).toBe(403);
    expect(refused.error?.code).toBe('42501');
    await asPostgres((db) => db.query('grant select on public.stack_rows to authenticated'));
  });

  it('constraints of a table answer with their own code', async () => {
    const rows = service().from('stack_rows');
    const good = await rows.insert({ id: 100, label: 'one', span: '[1,5)' });
    expect(good.error).toBeNull();
    const code = async (row: object) => {
      const { error, status } = await service().from('stack_rows').insert(row);
      return [status, error?.code];
    };
    expect(await code({ id: 101, label: 'one' })).toEqual([409, '23505']);
    expect(await code({ id: 102, parent: 9999 })).toEqual([409, '23503']);
    expect(await code({ id: 103, amount: -1 })).toEqual([400, '23514']);
    expect(await code({ id: 104, required: null })).toEqual([400, '23502']);
    expect(await code({ id: 105, span: '[2,3)' })).toEqual([400, '23P01']);
    expect(await code({ id: 'x' })).toEqual([400, '22P02']);
  });
});

describe('time limits', () => {
  it('are those of the role', async () => {
    const user = await member();
    const ask = { name: 'statement_timeout' };
    expect((await visitor().rpc('stack_setting', ask)).data).toBe('3s');
    expect((await user.client.rpc('stack_setting', ask)).data).toBe('8s');
    expect((await service().rpc('stack_setting', ask)).data).toBe('8s');
  });

  it('hold, because JIT compilation, which cannot be interrupted, is off for every role', async () => {
    const user = await member();
    const ask = { name: 'jit' };
    for (const client of [visitor(), user.client, service()]) {
      expect((await client.rpc('stack_setting', ask)).data).toBe('off');
    }
  });

  it('end a statement of a visitor after three seconds', async () => {
    const began = Date.now();
    const { error, status } = await visitor().rpc('stack_sleep', { seconds: 60 });
    expect(error?.code).toBe('57014');
    expect(status).toBe(500);
    expect(Date.now() - began).toBeGreaterThan(2500);
  });
});

describe('values', () => {
  it('jsonb goes in and out unchanged, in a column and as an argument', async () => {
    const details = { name: 'Phở "24"', list: [1, 'two', null], deep: { on: true } };
    const written = await service().from('stack_rows').insert({ id: 1, details }).select('details').single();
    expect(written.data?.details).toEqual(details);
    await asPostgres(async (db) => {
      const { rows } = await db.query(
        `select jsonb_typeof(details) as kind from public.stack_rows where id = 1`,
      );
      expect(rows[0]).toEqual({ kind: 'object' });
    });
    for (const given of [details, [1, 2], 5, true]) {
      expect((await visitor().rpc('stack_echo', { given })).data).toEqual(given);
    }
    expect((await visitor().rpc('stack_kind', { given: details })).data).toBe('object');
    expect((await visitor().rpc('stack_kind', { given: [details] })).data).toBe('array');
  });

  const wrongTypes: [column: string, value: unknown, code: string][] = [
    ['at', 5, '22007'],
    ['at', { a: 1 }, '22007'],
    ['at', ['x'], '22007'],
    ['day', 5, '22007'],
    ['day', {}, '22007'],
    ['day', [], '22007'],
    ['words', 5, '22P02'],
    ['words', { a: 1 }, '22P02'],
    ['big', { a: 1 }, '22P02'],
    ['amount', [1], '22P02'],
  ];
  it.each(wrongTypes)(
    'of the wrong JSON type are refused by the column: %s, %j',
    async (column, value, code) => {
      const { error, status } = await service()
        .from('stack_rows')
        .insert({ id: 900, [column]: value });
      expect([status, error?.code]).toEqual([400, code]);
    },
  );

  it('lists go in and out unchanged, with quotes, commas, braces and backslashes', async () => {
    const words = ['a "b"', 'c, d', '{e}', 'f\\g', '', 'null'];
    const { data, error } = await service()
      .from('stack_rows')
      .insert({ id: 901, words })
      .select('words')
      .single();
    expect(error).toBeNull();
    expect(data?.words).toEqual(words);
    await service().from('stack_rows').delete().eq('id', 901);
  });

  it('times are ISO 8601 with a full offset, and come back as the same instant', async () => {
    const at = '2026-11-20T13:52:38.441393+00:00';
    const { data } = await service().from('stack_rows').upsert({ id: 2, at }).select('at').single();
    expect(data?.at).toBe(at);
    const found = await service()
      .from('stack_rows')
      .select('id')
      .eq('at', '2026-11-20T20:52:38.441393+07:00');
    expect(found.data).toEqual([{ id: 2 }]);
  });

  it('bigints that fit are numbers', async () => {
    const { data } = await service()
      .from('stack_rows')
      .upsert({ id: 3, big: 9007199254740991 })
      .select('big')
      .single();
    expect(data?.big).toBe(9007199254740991);
  });

  it('a function that returns one row answers an object, one that returns many a list, void nothing', async () => {
    await service().from('stack_rows').upsert({ id: 1, label: 'first' });
    const one = await service().rpc('stack_one');
    expect(one.data).toMatchObject({ id: 1, label: 'first' });
    const many = await service().rpc('stack_many');
    expect(Array.isArray(many.data)).toBe(true);
    const nothing = await visitor().rpc('stack_nothing');
    expect([nothing.error, nothing.data]).toEqual([null, null]);
  });

  it('arguments may be named like keywords', async () => {
    const { data, error } = await visitor().rpc('stack_keywords', { position: 3, order: 'x', Mixed: 4 });
    expect([error, data]).toEqual([null, '3x4']);
  });

  it('the request is known to functions that ask for its headers', async () => {
    const answer = await fetch(`${stack.API_URL}/rest/v1/rpc/stack_setting`, {
      method: 'POST',
      headers: {
        apikey: stack.PUBLISHABLE_KEY,
        'content-type': 'application/json',
        'x-correlation-id': 'abc-1',
      },
      body: JSON.stringify({ name: 'request.headers' }),
    });
    expect(JSON.parse((await answer.json()) as string)).toMatchObject({ 'x-correlation-id': 'abc-1' });
  });
});
