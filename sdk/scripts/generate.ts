// Everything that `npm run types` writes: what the SDK and the functions know of the database, the lists of errors in the
// SDK's doc comments, and the copy of the pricing library.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { readCommands } from './commands.ts';
import { copyPricing } from './copy-pricing.ts';
import { readReferences, readSignatures, readTables } from './database.ts';
import { readEndpoints } from './endpoints.ts';
import { type KnownErrors, listedSources } from './method-errors.ts';
import { readRaised } from './raised.ts';
import {
  type ErrorCodeRow,
  type LabelRow,
  renderCalls,
  renderErrors,
  renderFunctionErrors,
  renderPriceLineTexts,
  renderStates,
  type TransitionRow,
} from './render.ts';
import { renderColumns, renderDatabase } from './render-database.ts';

const root = join(import.meta.dirname, '..', '..');

/** The generated files by their path in the repository, as a database with the migrations would have them. */
export async function generateFiles(url: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const errors = await client.query<ErrorCodeRow>(
      'select code, status, retryable, message_en, message_vi from private.error_codes',
    );
    const transitions = await client.query<TransitionRow>(
      'select machine, from_state, event, to_state from private.transitions',
    );
    // a label with a variable is for one kind of line only, which no price has
    const labels = await client.query<LabelRow>(
      "select code, locale, label from private.receipt_labels where label !~ '{{'",
    );
    const commands = await readCommands(client);
    const listed = new Map(commands.map(({ name, errors: own }) => [name, own]));
    const { updates } = await readRaised(client);
    const known: KnownErrors = {
      commands: listed,
      endpoints: new Map(readEndpoints(root, listed).map(({ name, errors: own }) => [name, own])),
      tables: new Map([...updates].map(([name, own]) => [name, own.map((code) => ({ code, note: null }))])),
    };
    const tables = await readTables(client);
    return new Map([
      ...listedSources(root, known),
      ['sdk/src/generated/calls.ts', renderCalls(commands)],
      ['sdk/src/generated/columns.ts', renderColumns(tables)],
      [
        'sdk/src/generated/database.ts',
        renderDatabase(tables, await readSignatures(client), commands, await readReferences(client)),
      ],
      ['sdk/src/generated/errors.ts', renderErrors(errors.rows)],
      ['sdk/src/generated/price-line-texts.ts', renderPriceLineTexts(labels.rows)],
      ['sdk/src/generated/states.ts', renderStates(transitions.rows)],
      ['supabase/functions/_shared/generated/error-codes.ts', renderFunctionErrors(errors.rows)],
    ]);
  } finally {
    await client.end();
  }
}

/** Which of the files in the repository are not what the migrations say. */
export function staleFiles(files: ReadonlyMap<string, string>): string[] {
  const isFresh = (path: string, text: string): boolean =>
    existsSync(join(root, path)) && readFileSync(join(root, path), 'utf8') === text;
  return [...files].filter(([path, text]) => !isFresh(path, text)).map(([path]) => path);
}

/** Writes the files, and the copy of the pricing library. */
export async function writeFiles(files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  await copyPricing();
}
