import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { run } from '../../local/process.ts';
import { closeSql, sql } from '../support/world.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

const pages = [
  'README.md',
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.md'))
    .map((path) => join('docs', path)),
];

afterAll(closeSql);

describe('what newcomers read', () => {
  it('finds every decision once in the index, in order, under its own number and title', () => {
    const folder = join(root, 'docs', 'decisions');
    const files = readdirSync(folder)
      .filter((file) => file !== 'README.md')
      .sort();
    const numbers = files.map((file) => file.slice(0, 4));
    expect(new Set(numbers).size).toBe(files.length);
    const rows = files.map((file) => {
      const title = read(join('docs', 'decisions', file)).split('\n', 1)[0] ?? '';
      expect(title.startsWith(`# ${file.slice(0, 4)}. `), file).toBe(true);
      return `- [${title.slice(2)}](${file})`;
    });
    expect(
      read('docs/decisions/README.md')
        .split('\n')
        .filter((line) => line.startsWith('- [')),
    ).toEqual(rows);
  });

  it('shows the example that is in the repository, letter by letter', () => {
    expect(read('README.md')).toContain(`\`\`\`ts\n${read('examples/book-a-car.ts')}\`\`\``);
  });

  it('shows an example that books a car of the demo data, however often it runs', async () => {
    if (!process.env.API_URL) throw new Error('API_URL is not set: run these tests with npm test');
    expect(read('README.md')).toContain('npx node examples/book-a-car.ts`');
    const unpaid = `select count(*)::int as n from public.bookings b join auth.users u on u.id = b.renter_id
      where u.email = 'renter@journey.example' and b.status = 'pending_payment' and b.hold_expires_at > now()`;
    for (let time = 1; time <= 2; time += 1) {
      const { status, stdout, stderr } = await run('npx', ['node', 'examples/book-a-car.ts'], {
        cwd: root,
        env: process.env,
      });
      expect(stderr).toBe('');
      expect(stdout).toMatch(/^Rental, days \d+$/m);
      expect(stdout).toMatch(/^J[A-Z0-9]{8}: pay \d+ VND at http:\/\/127\.0\.0\.1:\d+\/vnpay\//m);
      expect(status).toBe(0);
      // so that the tenth run finds what the first one found
      expect(await sql(unpaid)).toEqual([{ n: 1 }]);
    }
  });

  it.each(pages)('%s links to files that exist', (page) => {
    const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(
      ([, link = '']) => link,
    );
    expect(links.filter((link) => !existsSync(join(root, dirname(page), link)))).toEqual([]);
  });

  it('names every value of config.toml that must not reach a hosted project', () => {
    let section = '';
    const local = read('supabase/config.toml')
      .split('\n')
      .flatMap((line) => {
        section = /^\[(.+)\]$/.exec(line)?.[1] ?? section;
        const key = /^(\w+) = .+ # local$/.exec(line)?.[1];
        return key ? [`${section}.${key}`] : [];
      });
    const named = [...read('docs/operations.md').matchAll(/^ +\| `(auth\.[\w.]+)` +\|/gm)].map(
      ([, name = '']) => name,
    );
    expect(named.sort()).toEqual(local.sort());
    expect(local).toContain('auth.email.max_frequency');
  });

  it('names commands that package.json has', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = pages.flatMap((page) =>
      [...read(page).matchAll(/npm run ([a-z]+)/g)].map(([, name = '']) => name),
    );
    expect([...new Set(named)].filter((name) => !(name in scripts))).toEqual([]);
    expect(read('.ci/run')).toMatch(/npm run check\nnpm test\n/);
  });
});
