import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
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
    const folder = join(root, 'sdk/dist');
    mkdirSync(folder, { recursive: true });
    // inside the package, so that its dependency is found as an app would find it
    const out = mkdtempSync(join(folder, 'build-'));
    try {
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      execFileSync(process.execPath, [tsc, '-p', join(root, 'sdk/tsconfig.json'), '--outDir', out], {
        encoding: 'utf8',
      });
      const sizeOf = (name: string): number => statSync(join(out, name)).size;
      const files = readdirSync(out, { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\.\w+$/.test(name),
      );
      // an app loads a third of it: the rest is types, which must not outgrow the code
      expect(files.reduce((sum, name) => sum + sizeOf(name), 0)).toBeLessThan(400_000);
      expect(sizeOf('generated/database.d.ts')).toBeLessThan(60_000);
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
        'admin,auth,bookings,licences,media,notifications,payments,payouts,profiles,quotes,receipts,refunds,supabase,vehicles',
      );
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });

  it('compiles everything its README shows', () => {
    const folder = join(root, 'sdk/dist');
    mkdirSync(folder, { recursive: true });
    const out = mkdtempSync(join(folder, 'readme-'));
    const given = `
      type Bytes = import('../../src/index.ts').Upload['file'];
      type Photos = import('../../src/index.ts').InspectionReport['photos'];
      declare global {
        const carPicture: Bytes, frontPicture: Bytes, backPicture: Bytes;
        const fivePhotos: Photos, fiveMorePhotos: Photos;
        const adminAccount: { email: string; password: string };
        const quoteId: string, paymentId: string, openedUrl: string, stored: { lastSeq: number };
        const process: { env: Record<string, string | undefined> };
        function toast(text: string): void;
        function setBadge(count: number): void;
        function showSpinner(status: string): void;
        function setOffline(offline: boolean): void;
      }`;
    try {
      const readme = readFileSync(join(root, 'sdk/README.md'), 'utf8');
      const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
      expect(blocks.length).toBeGreaterThanOrEqual(4);
      writeFileSync(join(out, 'given.d.ts'), `${given}\nexport {};\n`);
      blocks.forEach((code, i) => {
        const journey = /const journey|const device/.test(code) ? '' : 'declare const journey: Journey;\n';
        const imports = `import { type Journey, createIdempotencyKey } from '@journey/sdk';\n${journey}`;
        const whole = (code.includes('import ') ? code : imports + code).replaceAll(
          '@journey/sdk',
          '../../src/index.ts',
        );
        writeFileSync(join(out, `block-${i}.ts`), `${whole}\nexport {};\n`);
      });
      const config = {
        extends: join(root, 'sdk/tsconfig.json'),
        compilerOptions: { noEmit: true, noUnusedLocals: false, rootDir: join(root, 'sdk') },
        include: ['*.ts'],
        exclude: [],
      };
      writeFileSync(join(out, 'tsconfig.json'), JSON.stringify(config));
      const tsc = join(root, 'node_modules/typescript/bin/tsc');
      const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', out], { encoding: 'utf8' });
      expect(stdout).toBe('');
      expect(status).toBe(0);
    } finally {
      rmSync(out, { recursive: true, force: true });
    }
  });
});
