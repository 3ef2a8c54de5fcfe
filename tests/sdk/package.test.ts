import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { pricingFiles } from '../../sdk/scripts/copy-pricing.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'sdk/src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const manifest = JSON.parse(readFileSync(join(root, 'sdk/package.json'), 'utf8')) as {
  exports: Record<string, { types: string; import: string }>;
  peerDependencies: Record<string, string>;
  dependencies?: Record<string, string>;
};

describe('the package', () => {
  it('imports nothing but its own files and its peer dependency', () => {
    const allowed = new Set([
      ...Object.keys(manifest.peerDependencies),
      ...Object.keys(manifest.dependencies ?? {}),
    ]);
    for (const file of files) {
      const text = readFileSync(join(source, file), 'utf8');
      for (const { fileName: from } of ts.preProcessFile(text).importedFiles) {
        if (from.startsWith('.')) {
          const target = join(source, file, '..', from);
          expect(target.startsWith(source), `${file} imports ${from}`).toBe(true);
          expect(existsSync(target), `${file} imports ${from}`).toBe(true);
        } else {
          expect(allowed, `${file} imports ${from}`).toContain(from);
        }
      }
    }
  });

  it('carries the pricing library the server uses, unchanged', async () => {
    const expected = await pricingFiles();
    const folder = join(source, 'generated/pricing');
    expect(readdirSync(folder).sort()).toEqual([...expected.keys()].sort());
    for (const [name, body] of expected) {
      expect(readFileSync(join(folder, name), 'utf8'), `run: node sdk/scripts/copy-pricing.ts`).toBe(body);
    }
  });

  it('builds without the types of Node, and the build can be imported', async () => {
    // inside the package, so that its dependency is found as an app would find it
    const out = mkdtempSync(join(root, 'sdk/dist-test-'));
    try {
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      execFileSync(process.execPath, [tsc, '-p', join(root, 'sdk/tsconfig.json'), '--outDir', out], {
        encoding: 'utf8',
      });
      const entry = manifest.exports['.'];
      const built = entry?.import.replace('./dist/', '') ?? '';
      expect(existsSync(join(out, entry?.types.replace('./dist/', '') ?? ''))).toBe(true);
      const script = `const sdk = await import(${JSON.stringify(pathToFileURL(join(out, built)).href)});
        const journey = sdk.createJourney({ url: 'http://127.0.0.1:9', publishableKey: 'sb_publishable_test' });
        console.log(Object.keys(journey).sort().join());`;
      const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
        encoding: 'utf8',
        cwd: tmpdir(),
      });
      expect(said.trim()).toBe(
        'admin,auth,bookings,licences,media,notifications,payments,profiles,quotes,supabase,vehicles',
      );
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  }, 60_000);
});
