import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readEndpoints } from '../../sdk/scripts/endpoints.ts';
import { type KnownErrors, listErrors, withErrors } from '../../sdk/scripts/method-errors.ts';

const root = join(import.meta.dirname, '..', '..');
const list = (...codes: string[]) => codes.map((code) => ({ code, note: null }));
const known: KnownErrors = {
  commands: new Map([
    ['do_it', list('forbidden', 'unauthenticated')],
    ['show_it', list('not_found')],
  ]),
  endpoints: new Map([
    ['things/start', list('too_early')],
    ['things/:id', list('hold_expired')],
  ]),
  tables: new Map([['things', list('illegal_transition')]]),
};
const listOf = (body: string, more = ''): string => {
  const source = `class Things {\n  /** Text. */\n  async go() { ${body} }\n${more}}\n`;
  return /Errors: .*/.exec(listErrors(source, known))?.[0] ?? '';
};

describe('the list of errors of a method', () => {
  it('is the sum of what it calls, without what every call may answer', () => {
    expect(listOf("this.#calls.rpc<T>('do_it', {}); this.#calls.rpc<T>('show_it', {});")).toBe(
      'Errors: `forbidden`, `not_found`.',
    );
    expect(listOf("this.#calls.invoke<T>('once', 'things/start', {});")).toBe('Errors: `too_early`.');
    expect(listOf(`this.#calls.read<T>(\`things/$\{id}\`);`)).toBe('Errors: `hold_expired`.');
    expect(listOf("client.from('things').update({});")).toBe('Errors: `illegal_transition`.');
    expect(listOf("firstOr(rows, 'quote_not_found'); readList({});")).toBe(
      'Errors: `quote_not_found`, `invalid_input`.',
    );
    expect(listOf("client.from('things').select();")).toBe('');
  });

  it('follows the methods of the class, also in a circle', () => {
    const more = "  #send() { this.go(); this.#calls.rpc<T>('show_it'); }\n";
    expect(listOf('this.#send();', more)).toBe('Errors: `not_found`.');
  });

  it('takes the place of the one that was there and leaves the rest', () => {
    const before =
      '/**\n   * Two lines\n   * of text. Errors: `old`,\n   * `older` (why).\n   *\n   * @example `x`\n   */';
    const after =
      '/**\n   * Two lines\n   * of text.\n   * Errors: `new` (in this case).\n   *\n   * @example `x`\n   */';
    const errors = [{ code: 'new', note: 'in this case' }];
    expect(withErrors(before, '  ', errors)).toBe(after);
    expect(withErrors(after, '  ', errors)).toBe(after);
    expect(withErrors('/** Text. */', '  ', [])).toBe('/** Text. */');
  });

  it('cannot be made for a call of something that does not exist', () => {
    expect(() => listOf("this.#calls.rpc<T>('gone', {});")).toThrow('gone');
    expect(() => listOf("this.#calls.invoke<T>('once', 'things/gone', {});")).toThrow('things/gone');
  });
});

describe('the endpoints of the functions', () => {
  it('have the errors of the commands they call, of their body and their own', () => {
    const commands = new Map([
      ['start_payment', list('rate_limited')],
      ['check_payment', list('payment_not_found')],
    ]);
    const endpoints = new Map(readEndpoints(root, commands).map((one) => [one.name, one]));
    expect(endpoints.get('payments/start')).toEqual({
      name: 'payments/start',
      methods: ['POST'],
      auth: 'user',
      errors: list('rate_limited', 'payment_start_again', 'provider_unavailable', 'invalid_input'),
    });
    // the call is in a file beside the handler
    expect(endpoints.get('payments/check')?.errors).toEqual(list('payment_not_found', 'invalid_input'));
    expect(readFileSync(join(root, 'supabase/functions/payments/handler.ts'), 'utf8')).toContain(
      "path: '/check'",
    );
  });
});
