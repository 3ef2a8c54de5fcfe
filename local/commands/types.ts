import { generateFiles, staleFiles, writeFiles } from '../../sdk/scripts/generate.ts';
import type { PostgresUse } from '../cluster/packages.ts';
import { startScratch, stopScratch } from '../cluster/scratch.ts';
import { createLog, type Log, silentLog } from '../log.ts';

/** The generated files that are not what the migrations say. */
export async function staleTypes(url: string): Promise<string[]> {
  return staleFiles(await generateFiles(url));
}

/** Makes a temporary database with all migrations while `work` runs. */
export async function withScratchDatabase<T>(
  log: Log,
  work: (url: string) => Promise<T>,
  use?: PostgresUse,
): Promise<T> {
  const url = await startScratch({ name: 'check', fresh: true, use }, log);
  try {
    return await work(url);
  } finally {
    await stopScratch('check', true, silentLog);
  }
}

/** `npm run types`: writes what the SDK and the functions know of the database. */
export async function types(): Promise<number> {
  const log = createLog();
  await withScratchDatabase(log, async (url) => {
    const files = await generateFiles(url);
    const stale = staleFiles(files);
    await writeFiles(files);
    for (const path of stale) log.info(`Wrote ${path}`);
  });
  return 0;
}
