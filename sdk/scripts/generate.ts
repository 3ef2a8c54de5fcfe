// Writes src/generated/errors.ts and states.ts from a migrated database, and the copy of the pricing library.
// Usage: node sdk/scripts/generate.ts <database url>
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { copyPricing } from './copy-pricing.ts';
import { type ErrorCodeRow, renderErrors, renderStates, type TransitionRow } from './render.ts';

const url = process.argv[2];
if (!url) {
  console.error(
    'Say which database to read: node sdk/scripts/generate.ts postgresql://user:password@host:port/postgres',
  );
  process.exit(2);
}

const target = fileURLToPath(new URL('../src/generated/', import.meta.url));
const client = new pg.Client({ connectionString: url });
await client.connect();
try {
  const errors = await client.query<ErrorCodeRow>(
    'select code, status, retryable, message_en, message_vi from private.error_codes',
  );
  const transitions = await client.query<TransitionRow>(
    'select machine, from_state, event, to_state from private.transitions',
  );
  await mkdir(target, { recursive: true });
  await writeFile(`${target}errors.ts`, renderErrors(errors.rows));
  await writeFile(`${target}states.ts`, renderStates(transitions.rows));
} finally {
  await client.end();
}
await copyPricing();
