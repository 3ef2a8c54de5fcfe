import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../local/process.ts';
import { pricingFiles } from '../../sdk/scripts/copy-pricing.ts';
import * as sdk from '../../sdk/src/index.ts';
import { asModule, documentedCode } from './documented-code.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = join(root, 'sdk/src');
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const manifest = JSON.parse(readFileSync(join(root, 'sdk/package.json'), 'utf8')) as {
  peerDependencies: Record<string, string>;
  dependencies?: Record<string, string>;
};

// An app outside the repository that has installed the packed SDK, and from its registry what the SDK asks for.
const app = mkdtempSync(join(tmpdir(), 'journey-app-'));
const installed = join(app, 'node_modules/@journey/sdk');
let tarball: Buffer<ArrayBuffer>;

beforeAll(async () => {
  for (const form of ['esm', 'cjs']) rmSync(join(root, 'sdk/dist', form), { recursive: true, force: true });
  const packed = await run('npm', ['pack', '--silent', '-w', 'sdk', '--pack-destination', app], {
    cwd: root,
  });
  expect(packed.status, packed.stderr).toBe(0);
  const file = join(app, packed.stdout.trim().split('\n').at(-1) ?? '');
  tarball = readFileSync(file);
  mkdirSync(installed, { recursive: true });
  const unpacked = await run('tar', ['-xzf', file, '-C', installed, '--strip-components=1']);
  expect(unpacked.status, unpacked.stderr).toBe(0);
  for (const name of ['@supabase', '@types', 'ws']) {
    symlinkSync(join(root, 'node_modules', name), join(app, 'node_modules', name));
  }
});

afterAll(() => rmSync(app, { recursive: true, force: true }));

/** Compiles files of the app, whose texts are given, and answers what the compiler says. */
async function compile(
  name: string,
  texts: Record<string, string>,
  options: Record<string, unknown>,
): Promise<string> {
  const folder = join(app, name);
  mkdirSync(folder);
  for (const [file, text] of Object.entries(texts)) writeFileSync(join(folder, file), text);
  // supabase-js's types need those of Node
  const common = { target: 'ES2022', lib: ['ES2022', 'DOM', 'DOM.Iterable'], strict: true, types: ['node'] };
  const compilerOptions = { ...common, noEmit: true, ...options };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*'] }));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = await run(process.execPath, [tsc, '-p', folder], { cwd: folder });
  expect(stderr).toBe('');
  expect(status === 0).toBe(stdout === '');
  return stdout;
}

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

  it('is built when it is packed, whole, with the licence and nothing that an app does not load', () => {
    const built = files.flatMap((name) => [name.replace(/ts$/, 'js'), name.replace(/ts$/, 'd.ts')]);
    const forms = ['dist/esm', 'dist/cjs'].flatMap((form) => built.map((name) => `${form}/${name}`));
    const packed = readdirSync(installed, { recursive: true, encoding: 'utf8' }).filter((name) =>
      statSync(join(installed, name)).isFile(),
    );
    expect(packed.sort()).toEqual(
      [...forms, 'dist/cjs/package.json', 'package.json', 'README.md', 'LICENSE'].sort(),
    );
    expect(readFileSync(join(installed, 'LICENSE'), 'utf8')).toBe(
      readFileSync(join(root, 'LICENSE'), 'utf8'),
    );
  });

  it('stays small: an app loads a third of one form, the rest is types, which must not outgrow the code', () => {
    const sizeOf = (name: string): number => statSync(join(installed, name)).size;
    for (const form of ['dist/esm', 'dist/cjs']) {
      const names = readdirSync(join(installed, form), { recursive: true, encoding: 'utf8' }).filter((name) =>
        /\.\w+$/.test(name),
      );
      expect(names.reduce((sum, name) => sum + sizeOf(join(form, name)), 0)).toBeLessThan(1_300_000);
      expect(sizeOf(join(form, 'generated/database.d.ts'))).toBeLessThan(220_000);
    }
  });

  it('writes every type out: none is so large that the compiler cut it short', () => {
    for (const form of ['dist/esm', 'dist/cjs'])
      for (const name of readdirSync(join(installed, form), { recursive: true, encoding: 'utf8' }))
        if (name.endsWith('.d.ts'))
          expect(readFileSync(join(installed, form, name), 'utf8').includes('/*elided*/'), name).toBe(false);
  });

  it('has no fault that publint or Are The Types Wrong knows', async () => {
    const { messages } = await publint({ pkgDir: installed, pack: false, strict: true });
    expect(messages).toEqual([]);
    const verdict = await checkPackage(createPackageFromTarballData(tarball));
    // a package without types has no problems either
    expect(verdict.types).toEqual({ kind: 'included' });
    expect(verdict).toMatchObject({ problems: [] });
  });

  const resources =
    'account,addresses,admin,apiKeys,auth,blocks,bookings,charges,chat,checkIn,complaints,devices,discounts,events,licences,media,notifications,orders,organizers,otp,payments,payouts,profiles,quotes,receipts,refunds,reports,reviews,savedSearches,supabase,tickets,trust,vehicles,waitingLists,waitingRoom,webhooks';
  const making = `const journey = createJourney({ url: 'http://127.0.0.1:9', publishableKey: 'sb_publishable_test' });
    console.log(Object.keys(journey).sort().join());`;

  it.each([
    ['imported', 'module.mjs', `import { createJourney } from '@journey/sdk';`, []],
    [
      'required, also by a Node that cannot require ES modules',
      'module.cjs',
      `const { createJourney } = require('@journey/sdk');`,
      ['--no-experimental-require-module'],
    ],
    [
      'found by its main, for tools that do not read exports',
      'main.cjs',
      `const { createJourney } = require('./node_modules/@journey/sdk/');`,
      ['--no-experimental-require-module'],
    ],
  ])('can be %s', async (_how, file, load, flags) => {
    writeFileSync(join(app, file), `${load}\n${making}`);
    const { stdout, stderr } = await run(process.execPath, [...flags, file], { cwd: app });
    expect(stderr).toBe('');
    expect(stdout.trim()).toBe(resources);
  });

  const consumer = `import { createJourney, type Booking, type Journey } from '@journey/sdk';
    export const journey: Journey = createJourney({ url: 'http://x', publishableKey: 'y' });
    export const code = (booking: Booking): string => booking.code;
    // @ts-expect-error a column that does not exist
    export const none = (booking: Booking) => booking.none;`;

  it.each([
    ['node10', ['index.ts'], { module: 'CommonJS', moduleResolution: 'node10' }],
    ['node16', ['index.mts', 'index.cts'], { module: 'Node16', moduleResolution: 'node16' }],
    ['bundler', ['index.ts'], { module: 'ESNext', moduleResolution: 'bundler' }],
  ])('is typed for a TypeScript app that resolves modules as %s does', async (name, modules, options) => {
    const texts = Object.fromEntries(modules.map((file) => [file, consumer]));
    expect(await compile(name, texts, options)).toBe('');
  });
});

// What the documented code uses and does not declare: an app has it already.
/** What the code of others' servers imports beside this package. */
const packages = `
  declare module 'standardwebhooks' {
    export class Webhook {
      constructor(secret: string);
      verify(body: string, headers: Record<string, string>): unknown;
    }
  }
`;

const given = `
  import type * as sdk from '@journey/sdk';
  import type { SupabaseClient } from '@supabase/supabase-js';
  declare global {
    const journey: sdk.Journey, supabase: SupabaseClient;
    const email: string, password: string, openedUrl: string, adminAccount: { email: string; password: string };
    const bookingId: string, payoutId: string, paymentId: string, quoteId: string, receiptId: string;
    const refundId: string, unmatchedId: string, vehicleId: string, conversationId: string, eventId: string, stored: { lastSeq: number };
    const startsAt: Date, endsAt: Date, later: Date, search: sdk.VehicleSearch, hit: sdk.VehicleHit;
    const quote: sdk.Quote, booking: sdk.Booking, entry: sdk.CalendarEntry, error: sdk.JourneyError;
    const file: sdk.Upload['file'], carPicture: typeof file, frontPicture: typeof file, backPicture: typeof file;
    const fivePhotos: sdk.InspectionReport['photos'], fiveMorePhotos: typeof fivePhotos;
    const Print: { printAsync(options: { html: string }): Promise<void> };
    const facts: sdk.PricingFacts;
    function show(...what: unknown[]): void;
    function pay(amount: number): void;
    function toast(text: string): void;
    function setBadge(count: number): void;
    function showSpinner(status: string): void;
    function setOffline(offline: boolean): void;
    function showBooking(): void;
    function askForBankAccount(): void;
    function askForCode(): Promise<string>;
    const pushToken: string;
    const subscription: { toJSON(): { endpoint: string; keys: Record<string, string> } };
    function askForNewQuote(): Promise<void>;
    function openBrowser(address: string): Promise<void>;
    const host: { user_id: string }, vehicle: sdk.Vehicle, ticket: { id: string }, keys: sdk.TicketKey[];
    const organizerId: string, classId: string, orderId: string, ticketIds: string[], listId: string, text: string, description: string;
    const complaintId: string, finding: string, kept: string, message: { seq: number };
    const AsyncStorage: sdk.QueueStorage;
    function paint(online: boolean): void;
    function askForAnotherAddress(...what: unknown[]): void;
    function drawQr(text: string | undefined): void;
    function share(address: string): void;
  }`;

describe('the code in READMEs, docs and doc comments', () => {
  const shown = documentedCode(root);

  it('is all of it: no block and no @example is left out', () => {
    const count = (text: string, what: RegExp): number => [...text.matchAll(what)].length;
    const inSource = files.map((name) => readFileSync(join(source, name), 'utf8'));
    expect(shown.filter(({ where }) => where.startsWith('sdk/src/'))).toHaveLength(
      inSource.reduce((sum, text) => sum + count(text, /@example\b/g), 0),
    );
    for (const page of ['README.md', 'sdk/README.md', 'docs/money.md']) {
      const blocks = count(readFileSync(join(root, page), 'utf8'), /```ts$/gm);
      expect(blocks).toBeGreaterThan(0);
      expect(shown.filter(({ where }) => where.startsWith(`${page}:`))).toHaveLength(blocks);
    }
  });

  it('compiles against the built package', async () => {
    const texts = Object.fromEntries(
      shown.map(({ code }, i) => [`code-${i}.ts`, asModule(code, Object.keys(sdk))]),
    );
    const said = await compile(
      'documented',
      { ...texts, 'given.d.ts': given, 'packages.d.ts': packages },
      { module: 'ESNext', moduleResolution: 'bundler', skipLibCheck: true },
    );
    expect(said.replaceAll(/code-(\d+)\.ts/g, (_, i: string) => shown[Number(i)]?.where ?? '?')).toBe('');
  });
});
