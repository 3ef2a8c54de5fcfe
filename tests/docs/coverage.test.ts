import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkCoverage, countCoverage } from '../../local/lints/coverage.ts';

const head = '| Capability | Source | State | Proof |\n| --- | --- | --- | --- |\n';

describe('the coverage tables', () => {
  let root: string;
  const page = (module: string): string => join(root, 'docs', 'coverage', `${module}.md`);
  const problemsOf = (...rows: string[]): string[] => {
    writeFileSync(page('bookings'), `# Bookings\n\n${head}${rows.join('\n')}\n`);
    return checkCoverage(root).map(({ line, problem }) => `${line}: ${problem}`);
  };

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'coverage-'));
    mkdirSync(join(root, 'docs', 'coverage'), { recursive: true });
    mkdirSync(join(root, 'tests'));
    writeFileSync(
      join(root, 'tests', 'a.test.ts'),
      [
        "describe('it has', () => {",
        "  it('refuses a \\'thing\\'', () => {});",
        '  it.each([[1], [2]])(`takes %i | more`, () => {});',
        `  for (const n of [1, 2]) it(\`goes \${n} times\`, () => {});`,
        "  it.skip('waits', () => {});",
        "  // it('is only a comment', () => {});",
        '});',
        "describe.skip('later', () => { test('sleeps', () => {}); });",
      ].join('\n'),
    );
    writeFileSync(
      join(root, 'tests', 'b.sql'),
      [
        "select is(f($$ select g('not this') $$), 1, 'a host''s own row');",
        "select ok(\n  true,\n  'on a line of its own'\n);",
        "select ok(true, 'page ' || n || ' of ''all'' ' || t.total || ' pages');",
        "-- select ok(true, 'commented out');",
        "insert into t values ('a', 'b'), ('c', 'd');",
      ].join('\n'),
    );
  });
  afterAll(() => rmSync(root, { recursive: true }));

  it('accepts proofs that exist, in both kinds of tests', () => {
    expect(
      problemsOf(
        "| one | S1 | works | tests/a.test.ts › refuses a 'thing'<br>tests/b.sql › a host's own row |",
        '| two | S1 | works | `tests/a.test.ts` › takes %i \\| more |',
        `| three | domain | partly | tests/b.sql › on a line of its own<br>tests/a.test.ts › goes \${n} times |`,
        '| four | domain | planned | — |',
        "| five | domain | works | tests/b.sql › page … of 'all' … pages |",
      ),
    ).toEqual([]);
  });

  it('refuses a claim without a proof', () => {
    expect(problemsOf('| one | S1 | works | — |')).toEqual(['5: "one" works, but nothing proves it']);
  });

  it('refuses a proof whose file or test does not exist', () => {
    expect(
      problemsOf(
        '| one | S1 | works | tests/gone.test.ts › anything |',
        '| two | S1 | partly | tests/a.test.ts › is only a comment |',
        '| three | S1 | works | tests/b.sql › commented out |',
        '| four | S1 | works | tests/b.sql › not this |',
        '| five | S1 | works | tests/a.test.ts |',
        '| six | S1 | works | docs/coverage/bookings.md › anything |',
      ),
    ).toEqual([
      '5: there is no file tests/gone.test.ts',
      '6: tests/a.test.ts has no test "is only a comment"',
      '7: tests/b.sql has no test "commented out"',
      '8: tests/b.sql has no test "not this"',
      '9: "tests/a.test.ts" is not of the form path › test name',
      '10: docs/coverage/bookings.md is not a test file',
    ]);
  });

  it('refuses a proof that is skipped, alone or with its group', () => {
    expect(
      problemsOf(
        '| one | S1 | works | tests/a.test.ts › waits |',
        '| two | S1 | works | tests/a.test.ts › sleeps |',
      ),
    ).toEqual(['5: "waits" in tests/a.test.ts is skipped', '6: "sleeps" in tests/a.test.ts is skipped']);
  });

  it('refuses rows it cannot read', () => {
    expect(
      problemsOf(
        '| one | S1 | soon | — |',
        '| two | S1 | planned |',
        '| three | S1 | planned | — |',
        '| three | S2 | planned | — |',
        '| four | | planned | — |',
      ),
    ).toEqual([
      '5: "soon" is no state: works, partly or planned',
      '6: has 3 cells, not 4',
      '8: "three" is listed twice',
      '9: capability and source are needed',
    ]);
  });

  it('finds a capability that two modules list', () => {
    writeFileSync(page('chat'), `# Chat\n\n${head}| one | S1 | planned | — |\n`);
    const problems = problemsOf('| one | S1 | planned | — |');
    rmSync(page('chat'));
    expect(problems).toEqual(['5: "one" is listed twice']);
  });

  it('counts the states of each module and leaves the index out', () => {
    writeFileSync(
      page('bookings'),
      `# Bookings\n\n${head}| one | S1 | planned | — |\n| two | S1 | partly | — |\n`,
    );
    writeFileSync(page('README'), `# Coverage\n\n| Module | Works |\n| --- | --- |\n| Bookings | 7 |\n`);
    const counted = countCoverage(root);
    expect(checkCoverage(root)).toEqual([]);
    rmSync(page('README'));
    expect(counted).toEqual([{ module: 'bookings', title: 'Bookings', works: 0, partly: 1, planned: 1 }]);
  });

  it('does not take a page without a table for a clean one', () => {
    expect(problemsOf()).toEqual(['0: has no table of capabilities']);
    rmSync(page('bookings'));
    expect(checkCoverage(root)).toEqual([
      { file: 'docs/coverage', line: 0, problem: 'has no file of a module' },
    ]);
  });

  it('is true of this project', () => {
    expect(checkCoverage(fileURLToPath(new URL('../..', import.meta.url)))).toEqual([]);
  });
});
