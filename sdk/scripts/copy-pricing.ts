// Copies the pricing library the server uses into the package, so that an estimate on the phone and the quote
// of the server are computed by the same code. Usage: node sdk/scripts/copy-pricing.ts
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../../supabase/functions/_shared/pricing/', import.meta.url));
const target = fileURLToPath(new URL('../src/generated/pricing/', import.meta.url));

/** The files of the copy by name, with the text they must have. */
export async function pricingFiles(): Promise<Map<string, string>> {
  const names = (await readdir(source))
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
  const files = new Map<string, string>();
  for (const name of names) {
    const body = await readFile(`${source}${name}`, 'utf8');
    files.set(
      name,
      `// Generated: a copy of supabase/functions/_shared/pricing/${name}. Do not edit.\n${body}`,
    );
  }
  return files;
}

/** Writes the copy anew; files that are gone at the source are gone here too. */
export async function copyPricing(): Promise<void> {
  const files = await pricingFiles();
  await rm(target, { recursive: true, force: true });
  await mkdir(target, { recursive: true });
  for (const [name, body] of files) await writeFile(`${target}${name}`, body);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await copyPricing();
