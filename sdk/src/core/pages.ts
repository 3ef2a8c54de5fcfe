import { fail, type Result } from '../result.ts';
import type { Timestamp, Uuid } from '../values.ts';
import type { CallOptions } from './calls.ts';
import { localError } from './rows.ts';

/** One page of a list. `next` is null when it was the last one. */
export interface Page<Row, Cursor> {
  rows: Row[];
  next: Cursor | null;
}

/**
 * Walks all pages, row by row. Errors are yielded, not thrown, and end the walk: the last item is then
 * `{ data: null, error }`.
 */
export async function* eachRow<Row, Cursor>(
  fetchPage: (after: Cursor | null) => Promise<Result<Page<Row, Cursor>>>,
): AsyncGenerator<Result<Row>, void, undefined> {
  let after: Cursor | null = null;
  do {
    const page: Result<Page<Row, Cursor>> = await fetchPage(after);
    if (page.error) {
      yield page;
      return;
    }
    for (const row of page.data.rows) yield { data: row, error: null };
    after = page.data.next;
  } while (after !== null);
}

/** Where most lists go on: after the row with this time and id. */
export interface CreatedCursor {
  created_at: Timestamp;
  id: Uuid;
}

/** That place, of a row. */
export const createdCursor = ({ created_at, id }: CreatedCursor): CreatedCursor => ({ created_at, id });

/** How one page of a list is read. */
interface PageRead<Row, Cursor> {
  /** As the caller said it. Default 20. */
  pageSize: number | undefined;
  /** What the backend gives at most. Default 100. */
  longest?: number;
  read(pageSize: number): Promise<Result<Row[]>>;
  cursorOf(row: NoInfer<Row>): Cursor;
}

/**
 * Reads one page; every list goes through here. A short page is the last one, so a size that the backend would cut,
 * or take for another, is refused before anything is sent: the rest would be lost without a word.
 */
export async function readPage<Row, Cursor>(
  { pageSize = 20, longest = 100, read, cursorOf }: PageRead<Row, Cursor>,
  options?: CallOptions,
): Promise<Result<Page<Row, Cursor>>> {
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > longest) {
    const details = { field: 'page_size', problem: `must be 1 to ${longest}` };
    return fail(localError('invalid_input', details, options));
  }
  return mapResult(await read(pageSize), (rows) => {
    const last = rows.at(-1);
    return { rows, next: last === undefined || rows.length < pageSize ? null : cursorOf(last) };
  });
}

/** Changes the data of a result that worked. */
export function mapResult<A, B>(result: Result<A>, change: (data: A) => B): Result<B> {
  return result.error ? result : { data: change(result.data), error: null };
}
