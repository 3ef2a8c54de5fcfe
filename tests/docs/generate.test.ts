import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { areDocsFresh, generateDocs } from '../../docs/generate.ts';
import { renderErrorPage, renderInvariantPage, renderStatePage } from '../../docs/render.ts';
import { renderApiPage } from '../../docs/render-api.ts';
import { cloneDatabase } from '../../local/cluster/clone.ts';
import { setting } from '../support/setting.ts';

const colour = {
  name: 'colour',
  type: 'text',
  nullable: true,
  hasDefault: false,
  values: ['red', 'green'],
  machine: null,
  comment: 'As | seen.',
  readers: ['anon', 'authenticated'],
};

describe('the generated pages', () => {
  it('show every error in one row, whatever its text holds', () => {
    const page = renderErrorPage([
      { code: 'b_code', status: 409, retryable: false, message_en: 'a | b', message_vi: 'c' },
      { code: 'a_code', status: 400, retryable: true, message_en: 'd', message_vi: 'e' },
    ]);
    expect(page).toMatch(/^<!-- Generated /);
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
      '| `a_code` | 400    | yes   | d       | e          |',
      '| `b_code` | 409    | no    | a \\| b  | c          |',
    ]);
  });

  it('show every invariant in one row, what is critical first', () => {
    const page = renderInvariantPage([
      { name: 'b', severity: 'warning', what_is_wrong: 'It is late.', what_to_do: 'Wait.' },
      { name: 'c', severity: 'critical', what_is_wrong: 'It is lost.', what_to_do: 'Look for it.' },
    ]);
    expect(page).toMatch(/^<!-- Generated /);
    expect(page.split('\n').filter((line) => line.startsWith('| `'))).toEqual([
      '| `c`       | critical | It is lost.   | Look for it. |',
      '| `b`       | warning  | It is late.   | Wait.        |',
    ]);
  });

  it('draw a machine from its beginning to its ends', () => {
    const page = renderStatePage(
      [
        { machine: 'lamp', from_state: 'on', event: 'break', to_state: 'broken' },
        { machine: 'lamp', from_state: 'initial', event: 'make', to_state: 'on' },
      ],
      new Map([['lamp', 'public.lamps']]),
    );
    expect(page).toMatch(/^<!-- Generated /);
    expect(page).toContain('Governs `public.lamps.status`.');
    expect(page).toContain(
      ['stateDiagram-v2', '  [*] --> on: make', '  on --> broken: break', '  broken --> [*]', '```'].join(
        '\n',
      ),
    );
  });

  it('say of a command what it takes, answers, needs and refuses, and of a table who reads it', () => {
    const page = renderApiPage({
      modules: [{ name: 'lamps', makes: new Set(['lamps', 'light']) }],
      tables: [{ name: 'lamps', comment: 'Lamps.', columns: [colour] }],
      policies: [{ table: 'lamps', name: 'select_all', roles: ['anon'], condition: 'true' }],
      commands: [
        {
          name: 'light',
          kind: 'once',
          args: [{ name: 'lamp_id', type: 'uuid', optional: true }],
          roles: ['authenticated'],
          summary: 'Lights a lamp.',
          errors: [{ code: 'too_early', note: 'by day' }],
          problem: null,
          returns: { many: true, table: 'lamps' },
        },
      ],
      shapes: new Map([['lamps', { type: 'Lamp', file: 'lamps-rows.ts' }]]),
      endpoints: [
        { name: 'lamps/:id', methods: ['GET'], auth: 'user', errors: [{ code: 'too_early', note: null }] },
      ],
      broadcasts: [{ topic: 'lamp:{id}', event: 'lit', payload: '{at}' }],
      errors: [{ code: 'too_early', status: 409 }],
    });
    for (const line of [
      '- Takes `lamp_id? uuid`; answers rows of `lamps` (`Lamp` of [lamps-rows.ts](../sdk/src/lamps-rows.ts)).',
      '- For `authenticated`; is sent once.',
      '- Errors: `too_early` (by day).',
      '- `select_all` lets `anon` read rows where `true`.',
      '  - `colour` `red` `green` or null: As | seen.',
      '- `GET lamps/:id`, called by `user`. Errors: `too_early`.',
      '- `lit` on `lamp:{id}`: {at}',
      '- `too_early` (409): `light`, `lamps/:id`',
    ]) {
      expect(page.split('\n')).toContain(line);
    }
  });

  it('are what the database of the migrations says', async () => {
    // other tests change the database of the running stack
    const { url, drop } = await cloneDatabase(setting('ADMIN_DB_URL'));
    try {
      // the demo data allows the push service of the local stack
      const copy = new pg.Client({ connectionString: url });
      await copy.connect();
      await copy.query(
        "update private.settings set value = value - 'push.journey.test' where key = 'web_push_hosts'",
      );
      await copy.end();
      const pages = await generateDocs(url);
      expect(pages.get('states.md')).toContain('Governs `public.bookings.status`.');
      expect(await areDocsFresh(url), 'run npm run docs').toBe(true);
    } finally {
      await drop();
    }
  });
});
