import type { Result } from '../result.ts';

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

/** Makes a page of the rows asked for: a short page is the last one. */
export function toPage<Row, Cursor>(
  rows: Row[],
  size: number,
  cursorOf: (row: Row) => Cursor,
): Page<Row, Cursor> {
  const last = rows.at(-1);
  return { rows, next: last === undefined || rows.length < size ? null : cursorOf(last) };
}

/** Changes the data of a result that worked. */
export function mapResult<A, B>(result: Result<A>, change: (data: A) => B): Result<B> {
  return result.error ? result : { data: change(result.data), error: null };
}
