import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectRoot } from './config.ts';

/** Imports a module of the project if the file is there. */
export async function importIfThere<T>(path: string): Promise<T | null> {
  const file = join(projectRoot, path);
  if (!existsSync(file)) return null;
  return (await import(pathToFileURL(file).href)) as T;
}
