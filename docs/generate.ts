import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { withScratchDatabase } from '../local/commands/types.ts';
import { countCoverage } from '../local/lints/coverage.ts';
import { createLog } from '../local/log.ts';
import { readExpectations } from './read-access.ts';
import { readApi } from './read-api.ts';
import {
  type ErrorRow,
  type HealthRow,
  type InvariantRow,
  type JobRow,
  type LimitRow,
  type MoveRow,
  renderAccessPage,
  renderCoveragePage,
  renderErrorPage,
  renderInvariantPage,
  renderRegistryPage,
  renderStatePage,
  type SettingRow,
  type TopicRow,
  type UploadRow,
} from './render.ts';
import { renderApiPage } from './render-api.ts';

const place = (name: string): string => join(import.meta.dirname, name);

/** The generated pages, by file name, as a database with the migrations, and the files of the modules, would have them. */
export async function generateDocs(url: string): Promise<Map<string, string>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const errors = await client.query<ErrorRow>(
      'select code, status, retryable, message_en, message_vi from private.error_codes',
    );
    const moves = await client.query<MoveRow>(
      'select machine, from_state, event, to_state from private.transitions',
    );
    const invariants = await client.query<InvariantRow>(
      'select name, severity, what_is_wrong, what_to_do from private.invariants',
    );
    const registries = {
      settings: (await client.query<SettingRow>('select key, value, description from private.settings')).rows,
      limits: (await client.query<LimitRow>('select action, capacity, per_minute from private.rate_limits'))
        .rows,
      uploads: (
        await client.query<UploadRow>(
          'select purpose, max_bytes, mime_types, per_day, max_megapixels, is_evidence from private.media_purposes',
        )
      ).rows,
      topics: (await client.query<TopicRow>('select topic, needs, worker from private.outbox_topics')).rows,
      jobs: (
        await client.query<JobRow>('select name, schedule, fine_schedule, description from private.jobs')
      ).rows,
      health: (await client.query<HealthRow>('select name, description from private.health_counts')).rows,
    };
    // the machine is the argument of the trigger that private.attach_state_machine() puts on a table, or of one that keeps no log
    const governed = await client.query<{ machine: string; owner: string }>(`
      select split_part(encode(t.tgargs, 'escape'), '\\000', 1) as machine,
             (c.relnamespace::regnamespace)::text || '.' || c.relname as owner
      from pg_catalog.pg_trigger t
      join pg_catalog.pg_class c on c.oid = t.tgrelid
      where t.tgname in ('transition_on_insert', 'move_on_insert')`);
    const tables = new Map(governed.rows.map((row) => [row.machine, row.owner]));
    return new Map([
      ['access.md', renderAccessPage(await readExpectations(client, join(import.meta.dirname, '..')))],
      ['api.md', renderApiPage(await readApi(client, join(import.meta.dirname, '..')))],
      ['coverage/README.md', renderCoveragePage(countCoverage(join(import.meta.dirname, '..')))],
      ['errors.md', renderErrorPage(errors.rows)],
      ['invariants.md', renderInvariantPage(invariants.rows)],
      ['registries.md', renderRegistryPage(registries)],
      ['states.md', renderStatePage(moves.rows, tables)],
    ]);
  } finally {
    await client.end();
  }
}

/** Whether the pages in the repository are what the migrations say. */
export async function areDocsFresh(url: string): Promise<boolean> {
  return [...(await generateDocs(url))].every(
    ([name, text]) => existsSync(place(name)) && readFileSync(place(name), 'utf8') === text,
  );
}

/** `npm run docs`: writes the generated pages, from a throw-away database or from the one whose URL is given. */
export async function main(args: string[]): Promise<number> {
  const log = createLog();
  const write = async (url: string): Promise<void> => {
    for (const [name, text] of await generateDocs(url)) {
      writeFileSync(place(name), text);
      log.info(`Wrote docs/${name}`);
    }
  };
  if (args[0]) await write(args[0]);
  else await withScratchDatabase(log, write);
  return 0;
}
