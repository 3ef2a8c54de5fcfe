import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client, DatabaseError } from 'pg';
import { StackError } from '../errors.ts';

const folder = fileURLToPath(new URL('baseline', import.meta.url));

function baselineFiles(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
}

/** Changes whenever a baseline file does. */
export function baselineHash(): string {
  const hash = createHash('sha256');
  for (const name of baselineFiles()) hash.update(name).update(readFileSync(join(folder, name)));
  return hash.digest('hex').slice(0, 16);
}

/** Runs one SQL file in one transaction and names the line that failed. */
export async function runSqlFile(client: Client, file: string): Promise<void> {
  const sql = readFileSync(file, 'utf8');
  try {
    await client.query(sql);
  } catch (error) {
    if (!(error instanceof DatabaseError)) throw error;
    const position = Number(error.position ?? 0);
    const line = position > 0 ? `, line ${sql.slice(0, position).split('\n').length}` : '';
    const detail = [error.detail, error.hint, error.where].filter((text) => text).join('\n');
    throw new StackError(
      `${file}${line}: ${error.message} (${error.code})`,
      detail || 'Correct the statement and try again.',
    );
  }
}

/**
 * Prepares an empty cluster as the platform's own image does: every file of `baseline/`, by name, as superuser.
 * Migrations run later as `postgres`, which is no superuser.
 */
export async function applyBaseline(adminUrl: string): Promise<void> {
  for (const name of baselineFiles()) {
    // A connection per file, so that `set role` or a setting of one file does not affect the next.
    const client = new Client({ connectionString: adminUrl });
    await client.connect();
    try {
      await runSqlFile(client, join(folder, name));
    } finally {
      await client.end();
    }
  }
}
