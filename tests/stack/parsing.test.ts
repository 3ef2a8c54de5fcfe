import { describe, expect, it } from 'vitest';
import { countTap } from '../../local/commands/tap.ts';
import { portsOf } from '../../local/config.ts';
import { parseEnvFile } from '../../local/functions/environment.ts';
import { isoTime } from '../../local/gateway/connection.ts';
import { asPostgresFailure, statusOf } from '../../local/gateway/errors.ts';
import { parseSettings } from '../../local/project-settings.ts';

describe('counting TAP', () => {
  it('counts what passed and what failed', () => {
    expect(countTap('1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c\n', 0)).toMatchObject({
      passed: 2,
      failed: 1,
    });
  });

  it('counts an expected failure as passed', () => {
    expect(countTap('1..1\nnot ok 1 - later # TODO\n', 0)).toMatchObject({ passed: 1, failed: 0 });
  });

  it('never counts a broken run as passed', () => {
    expect(countTap('', 0).failed).toBe(1);
    expect(countTap('1..2\nok 1 - a\n', 0).failed).toBe(1);
    expect(countTap('1..1\nok 1 - a\n', 3).failed).toBe(1);
  });
});

describe('ports', () => {
  it('are those of `supabase start` unless moved', () => {
    expect(portsOf('dev', {})).toMatchObject({ api: 54321, db: 54322, mail: 54324 });
    expect(portsOf('test', { JOURNEY_PORT_BASE: '61000' })).toMatchObject({ api: 61020, db: 61021 });
  });

  it('refuse a value that is not a port', () => {
    for (const wrong of ['abc', '80', '70000', '1.5']) {
      expect(() => portsOf('dev', { JOURNEY_PORT_BASE: wrong })).toThrow(/JOURNEY_PORT_BASE/);
    }
  });
});

describe('settings', () => {
  it('reads sections, and values of every kind that config.toml uses', () => {
    const settings = parseSettings(
      'a = 1 # one\n[api]\nschemas = ["public", "x"] # two\n# no\nname = "a # b"\n[functions.a-b]\nverify_jwt = false\n',
    );
    expect(settings.get('', 'a')).toBe(1);
    expect(settings.get('api', 'schemas')).toEqual(['public', 'x']);
    expect(settings.get('api', 'name')).toBe('a # b');
    expect(settings.get('functions.a-b', 'verify_jwt')).toBe(false);
    expect(settings.get('functions.c', 'verify_jwt')).toBeUndefined();
  });

  it('reads an env file', () => {
    expect(parseEnvFile('# c\nA=1\nexport B="two words"\nC=x # note\n\nnonsense\n')).toEqual({
      A: '1',
      B: 'two words',
      C: 'x',
    });
  });
});

describe('database errors', () => {
  it('find the code also inside a wrapper', () => {
    expect(asPostgresFailure(new Error('x', { cause: { code: '23505', message: 'twice' } }))?.code).toBe(
      '23505',
    );
    expect(asPostgresFailure(new Error('x'))).toBeNull();
    expect(asPostgresFailure({ code: 'ECONNREFUSED', message: 'x' })).toBeNull();
  });

  it('have the status PostgREST gives them', () => {
    expect(['23505', '23503', 'P0001', '57014', '08006', '22023'].map(statusOf)).toEqual([
      409, 409, 400, 500, 503, 400,
    ]);
  });
});

describe('times', () => {
  it('become ISO 8601', () => {
    expect(isoTime('2026-11-20 13:52:38.44+00')).toBe('2026-11-20T13:52:38.44+00:00');
    expect(isoTime('2026-11-20 13:52:38+05:30')).toBe('2026-11-20T13:52:38+05:30');
    expect(isoTime('2026-11-20 13:52:38')).toBe('2026-11-20T13:52:38');
    expect(isoTime('infinity')).toBe('infinity');
  });
});
