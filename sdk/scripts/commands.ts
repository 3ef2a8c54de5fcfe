import type pg from 'pg';
import type { CallKind } from '../src/core/call-kind.ts';

/** An error that a command may answer, and in which case, when its comment says so. */
export interface ListedError {
  code: string;
  note: string | null;
}

/** A function of schema public, as the database holds it. */
export interface Command {
  name: string;
  kind: CallKind;
  args: string[];
  /** Which of anon, authenticated and service_role may call it. */
  roles: string[];
  /** Its comment without the marker and the list of errors. */
  summary: string;
  errors: ListedError[];
  /** What is wrong with the comment; null when it can be read. */
  problem: string | null;
}

/** Every command may answer these, so no list names them. The last one goes with `idempotency_key`. */
export const commonErrors: readonly string[] = ['unauthenticated', 'internal', 'idempotency_conflict'];

/**
 * Reads the comment of a command: text, then `Repeatable.` when doing it twice is doing it once, or `Reads only.` when
 * all that it writes is the token of a limit, then `Errors: code, code (in which case).`
 */
export function readComment(
  comment: string,
): Pick<Command, 'summary' | 'errors' | 'problem'> & { repeatable: boolean; reads: boolean } {
  const [text = '', list, ...more] = comment.split(/(?:^| )Errors: /);
  const repeatable = / Repeatable\.$/.test(text);
  const reads = / Reads only\.$/.test(text);
  const summary = text.replace(/ (?:Repeatable|Reads only)\.$/, '');
  const errors: ListedError[] = [];
  const answer = (problem: string | null) => ({ summary, repeatable, reads, errors, problem });
  if (more.length > 0) return answer('says "Errors:" twice');
  if (list === undefined) return answer(null);
  const item = /([a-z_]+)(?: \(([^()]+)\))?(?:, |\.$)/y;
  while (item.lastIndex < list.length) {
    const at = item.lastIndex;
    const match = item.exec(list);
    if (!match) return answer(`has a list of errors that cannot be read from "${list.slice(at, at + 30)}"`);
    errors.push({ code: match[1] ?? '', note: match[2] ?? null });
  }
  return answer(errors.length === 0 ? 'has an empty list of errors' : null);
}

/** Every function of schema public, by name. */
export async function readCommands(client: pg.Client): Promise<Command[]> {
  const { rows } = await client.query<{
    name: string;
    volatile: boolean;
    args: string[];
    roles: string[];
    comment: string;
  }>(`
    select p.proname as name, p.provolatile = 'v' as volatile, coalesce(p.proargnames[1:p.pronargs], '{}') as args,
      array(
        select r from unnest(array['anon', 'authenticated', 'service_role']) r
        where has_function_privilege(r, p.oid, 'execute')
      ) as roles,
      coalesce(obj_description(p.oid, 'pg_proc'), '') as comment
    from pg_catalog.pg_proc p
    where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'
      and not exists (select from pg_catalog.pg_depend d where d.objid = p.oid and d.deptype = 'e')
    order by p.proname collate "C"`);
  return rows.map(({ volatile, comment, ...row }) => {
    const { repeatable, reads, ...read } = readComment(comment);
    const keyed = row.args.includes('idempotency_key');
    const kind = keyed ? 'keyed' : reads || !volatile ? 'read' : repeatable ? 'repeatable' : 'once';
    const problem =
      read.problem ??
      (repeatable && kind !== 'repeatable' ? `is ${kind} without saying "Repeatable."` : null);
    return { ...row, ...read, kind, problem };
  });
}

/** Whether an app calls it: as a visitor or as a signed-in person. */
export const isForApps = ({ roles }: Command): boolean =>
  roles.includes('anon') || roles.includes('authenticated');
