import { StackError } from '../local/errors.ts';
import { waitUntil } from '../local/process.ts';
import type { BenchDatabase } from './database.ts';

/** What was written to a table. */
interface Written {
  /** Rows inserted less rows deleted. */
  added: number;
  updates: number;
}

export type Writes = Map<string, Written>;

/** Switches the triggers of all tables on or off; foreign keys, which are triggers too, stay. */
export async function setTriggers(database: BenchDatabase, enabled: boolean): Promise<void> {
  await database.admin.query(`
    do $$
    declare
      v_table regclass;
    begin
      for v_table in
        select distinct t.tgrelid from pg_trigger t
        join pg_class c on c.oid = t.tgrelid
        where not t.tgisinternal and c.relnamespace in ('public'::regnamespace, 'private'::regnamespace)
      loop
        execute format('alter table %s ${enabled ? 'enable' : 'disable'} trigger user', v_table);
      end loop;
    end
    $$`);
}

async function totals(database: BenchDatabase): Promise<Writes> {
  // A backend hands in its numbers when it ends, a moment after its client has left.
  await waitUntil(async () => {
    const found = await database.admin.query<{ left: number }>(
      "select count(*)::int as left from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()",
    );
    return found.rows[0]?.left === 0;
  }, 10_000);
  // What this connection itself has prepared counts now, and not later.
  await database.admin.query('select pg_stat_force_next_flush()');
  const { rows } = await database.admin.query<{ name: string; added: string; updates: string }>(`
    -- messages in one piece are messages
    select case n.nspname when 'twin' then 'public' else n.nspname end || '.' || r.relname as name,
      sum(n_tup_ins - n_tup_del) as added, sum(n_tup_upd) as updates
    from pg_stat_user_tables s
    -- rows of a partition are those of its table
    join pg_class r on r.oid = coalesce(pg_partition_root(relid), relid)
    join pg_namespace n on n.oid = r.relnamespace
    where n.nspname in ('public', 'private', 'realtime', 'twin')
    group by 1`);
  return new Map(
    rows.map(({ name, added, updates }) => [name, { added: Number(added), updates: Number(updates) }]),
  );
}

/** What one call of `work` writes, for each table it writes to. */
export async function writesOf(
  database: BenchDatabase,
  calls: number,
  work: () => Promise<void>,
): Promise<Writes> {
  const before = await totals(database);
  await work();
  const writes: Writes = new Map();
  for (const [name, after] of await totals(database)) {
    const was = before.get(name) ?? { added: 0, updates: 0 };
    const added = (after.added - was.added) / calls;
    const updates = (after.updates - was.updates) / calls;
    if (Math.round(added) !== 0 || Math.round(updates) !== 0) writes.set(name, { added, updates });
  }
  return writes;
}

/**
 * Fails when a baseline does not write what the command writes: as many rows of each table, and updates of the
 * same tables.
 */
export function requireSameRows(command: Writes, name: string, baseline: Writes): void {
  const wrong = [...new Set([...command.keys(), ...baseline.keys()])].flatMap((table) => {
    const one = command.get(table) ?? { added: 0, updates: 0 };
    const other = baseline.get(table) ?? { added: 0, updates: 0 };
    // The first calls make what later ones find: an account of the ledger, a bucket.
    const differs = Math.abs(one.added - other.added) > 0.05;
    // A row that was added may have been updated after it, where the baseline knew everything beforehand.
    const updatesDiffer =
      other.updates > one.updates + 0.05 || (one.added < 0.5 && one.updates > 0.5 !== other.updates > 0.5);
    if (!differs && !updatesDiffer) return [];
    const text = ({ added, updates }: Written) =>
      `${added.toFixed(2)} added and ${updates.toFixed(2)} updated`;
    return [`${table}: ${text(one)} by the command, ${text(other)} by ${name}`];
  });
  if (wrong.length > 0) {
    throw new StackError(
      `${name} does not write the rows of the command it is compared with.`,
      `Mend it (bench/sql/replay.sql, bench/application-*.ts):\n${wrong.join('\n')}`,
    );
  }
}
