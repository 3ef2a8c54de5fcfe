// Builds the package into dist: ES modules for those who import, CommonJS for those who require it, and for bundlers
// that do not read "exports". Each form has its own types, because TypeScript tells the forms apart by their types.
import { copyFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { StackError } from '../../local/errors.ts';
import { run } from '../../local/process.ts';

const path = (name: string): string => fileURLToPath(new URL(`../${name}`, import.meta.url));

const configs = ['tsconfig.json', 'tsconfig.cjs.json'];

async function compile(config: string): Promise<void> {
  const tsc = path('../node_modules/typescript/bin/tsc');
  const { status, stdout, stderr } = await run(process.execPath, [tsc, '-p', path(config)]);
  if (status !== 0) throw new StackError('The SDK does not compile.', `${stdout}${stderr}`.trim());
}

/** `npm run build -w sdk`, which `npm pack` runs too. */
export async function main(): Promise<number> {
  // A file whose source is gone must not be packed.
  for (const form of ['esm', 'cjs']) await rm(path(`dist/${form}`), { recursive: true, force: true });
  await Promise.all(configs.map(compile));
  // The package says "module" for everything below it.
  await writeFile(path('dist/cjs/package.json'), '{ "type": "commonjs", "sideEffects": false }\n');
  // npm packs a licence only from the package's own folder.
  await copyFile(path('../LICENSE'), path('LICENSE'));
  return 0;
}
