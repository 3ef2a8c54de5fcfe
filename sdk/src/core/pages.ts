import { fail, type Result, succeed } from '../result.ts';
import type { Timestamp, Uuid } from '../values.ts';
import type { CallOptions } from './calls.ts';
import { localError } from './rows.ts';

/** One page of a list. */
export interface Page<Row> {
  rows: Row[];
  /** Give it as `after` to read on, with the same filters. It has no meaning of its own. Null when nothing follows. */
  next: string | null;
}

/** Where in a list to begin, and how much to read. */
export interface PageOptions {
  /** The `next` of the page before. Default: the beginning. */
  after?: string | null;
  /** 1 to 100, of vehicles searched for at most 50. Default 20. */
  pageSize?: number;
}

/**
 * What every list answers: awaited, one page; walked, every row of this page and of those after it. An error is the
 * last item of a walk.
 *
 * @example
 * ```ts
 * const { data: page, error } = await journey.bookings.list({ role: 'renter' });
 * for await (const { data: booking, error } of journey.bookings.list({ role: 'host' })) {
 *   if (error) break;
 *   console.log(booking.code);
 * }
 * ```
 */
export interface List<Row> extends Promise<Result<Page<Row>>>, AsyncIterable<Result<Row>> {}

/** How the pages of a list are read. */
interface ListRead<Row, Key extends keyof Row> {
  /** What says where a row stands: the order of the list, and what tells rows of one place apart. */
  by: readonly Key[];
  /** What the backend gives at most. Default 100. */
  longest?: number;
  read(pageSize: number, after: Pick<Row, Key> | undefined): Promise<Result<Row[]>>;
}

/** The order of most lists. */
export const byCreation = ['created_at', 'id'] as const;

/** Reads a list; every one goes through here. */
export function readList<Row, Key extends keyof Row>(
  how: ListRead<Row, Key>,
  page: PageOptions,
  options?: CallOptions,
): List<Row> {
  const first = readPage(how, page, options);
  async function* walk(): AsyncGenerator<Result<Row>, void, undefined> {
    for (
      let result = await first;
      ;
      result = await readPage(how, { ...page, after: result.data.next }, options)
    ) {
      if (result.error) {
        yield result;
        return;
      }
      for (const row of result.data.rows) yield succeed(row);
      if (result.data.next === null) return;
    }
  }
  return Object.assign(first, { [Symbol.asyncIterator]: walk });
}

/**
 * A short page is the last one, so a size that the backend would cut, or take for another, is refused before
 * anything is sent: the rest would be lost without a word.
 */
async function readPage<Row, Key extends keyof Row>(
  { by, longest = 100, read }: ListRead<Row, Key>,
  { after, pageSize = 20 }: PageOptions,
  options?: CallOptions,
): Promise<Result<Page<Row>>> {
  const refuse = (field: keyof PageOptions, problem: string) =>
    fail(localError('invalid_input', { field, problem }, options));
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > longest)
    return refuse('pageSize', `must be 1 to ${longest}`);
  const place = after == null ? undefined : readPlace<Row, Key>(after, by);
  if (place === null) return refuse('after', 'must be the `next` of a page of this list');
  return mapResult<Row[], Page<Row>>(await read(pageSize, place), (rows) => {
    const last = rows.at(-1);
    return { rows, next: last === undefined || rows.length < pageSize ? null : writePlace(last, by) };
  });
}

function writePlace<Row>(row: Row, by: readonly (keyof Row)[]): string {
  return JSON.stringify(Object.fromEntries(by.map((key) => [key, row[key]])));
}

function readPlace<Row, Key extends keyof Row>(text: string, by: readonly Key[]): Pick<Row, Key> | null {
  try {
    const place: unknown = JSON.parse(text);
    const keys = typeof place === 'object' && place !== null ? Object.keys(place) : [];
    return keys.join() === by.join() ? (place as Pick<Row, Key>) : null;
  } catch {
    return null;
  }
}

/** A place in the order of most lists. */
export interface CreatedPlace {
  created_at: Timestamp;
  id: Uuid;
}

/** As much of a query of PostgREST as reading a page of a table takes. */
interface TableQuery {
  or(filters: string): this;
  order(column: string, options: { ascending: boolean }): this;
  limit(count: number): this;
}

/** A page of a table, newest first. */
export function newestFirst<Query extends TableQuery>(
  rows: Query,
  size: number,
  after?: CreatedPlace,
): Query {
  const sorted = rows.order('created_at', { ascending: false }).order('id', { ascending: false }).limit(size);
  if (!after) return sorted;
  // PostgREST quotes values as JSON does.
  const [at, id] = [JSON.stringify(after.created_at), JSON.stringify(after.id)];
  return sorted.or(`created_at.lt.${at},and(created_at.eq.${at},id.lt.${id})`);
}

/** Changes the data of a result that worked. */
export function mapResult<A, B>(result: Result<A>, change: (data: A) => B): Result<B> {
  return result.error ? result : { data: change(result.data), error: null };
}
