import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { everyRight, openWorld, refusal, type Storage, type World } from './harness.ts';

let world: World;
let bucket: string;
const owner = randomUUID();
let user: Storage;
const names = [
  'b.txt',
  'A.txt',
  'c_1.txt',
  'cx1.txt',
  'trip/1.jpg',
  'trip/2.jpg',
  'trip/day 2/3.jpg',
  'trips/4.jpg',
];

beforeAll(async () => {
  world = await openWorld();
  bucket = await world.bucket({ rights: everyRight });
  user = await world.user(owner);
  for (const name of names) await user.from(bucket).upload(`${owner}/${name}`, new Blob([name]));
  // Times are set, not slept for: the later in the list above, the older.
  // As a replica, so that no trigger sets them back.
  await world.sql.query('begin');
  await world.sql.query(`set local session_replication_role = 'replica'`);
  for (const [at, name] of names.entries()) {
    await world.sql.query(
      `update storage.objects
      set created_at = now() - make_interval(hours => $3), updated_at = now() - make_interval(hours => $3)
      where bucket_id = $1 and name = $2`,
      [bucket, `${owner}/${name}`, at + 1],
    );
  }
  await world.sql.query('commit');
  await world.service.from(bucket).upload(`${randomUUID()}/hidden.txt`, new Blob(['x']));
});
afterAll(() => world?.close());

type Options = Parameters<ReturnType<Storage['from']>['list']>[1];
const list = async (folder: string, options?: Options) => {
  const { data, error } = await user.from(bucket).list(folder, options);
  if (error) throw error;
  return data.map(({ name }) => name);
};

describe('list', () => {
  it('lists files and folders of one folder, with names relative to it, ignoring case', async () => {
    expect(await list(owner)).toEqual(['A.txt', 'b.txt', 'c_1.txt', 'cx1.txt', 'trip', 'trips']);
    expect(await list(`${owner}/`)).toEqual(await list(owner));
    expect(await list(`${owner}/trip`)).toEqual(['1.jpg', '2.jpg', 'day 2']);
  });

  it('gives size, type and times for files and none for folders', async () => {
    const { data } = await user.from(bucket).list(`${owner}/trip`);
    expect(data?.[0]).toMatchObject({
      name: '1.jpg',
      metadata: { size: 10, mimetype: 'application/octet-stream' },
    });
    expect(data?.[0]?.id).toMatch(/^[0-9a-f-]{36}$/);
    expect(data?.[2]).toEqual({
      name: 'day 2',
      id: null,
      updated_at: null,
      created_at: null,
      last_accessed_at: null,
      metadata: null,
    });
  });

  it('shows only folders in which the caller may see a file', async () => {
    expect(await list('')).toEqual([owner]);
  });

  it('searches by the beginning of the name, and an underscore matches only an underscore', async () => {
    expect(await list(owner, { search: 'TRIP' })).toEqual(['trip', 'trips']);
    expect(await list(owner, { search: 'c_' })).toEqual(['c_1.txt']);
    expect(await list(owner, { search: '%' })).toEqual([]);
  });

  it('sorts by name or by time, either way', async () => {
    const desc = await list(owner, { sortBy: { column: 'name', order: 'desc' } });
    expect(desc).toEqual(['trips', 'trip', 'cx1.txt', 'c_1.txt', 'b.txt', 'A.txt']);
    const oldest = await list(owner, { sortBy: { column: 'created_at', order: 'asc' } });
    expect(oldest).toEqual(['trip', 'trips', 'cx1.txt', 'c_1.txt', 'A.txt', 'b.txt']);
    const newest = await list(owner, { sortBy: { column: 'updated_at', order: 'desc' } });
    expect(newest.slice(2)).toEqual(['b.txt', 'A.txt', 'c_1.txt', 'cx1.txt']);
  });

  it('pages with limit and offset', async () => {
    expect(await list(owner, { limit: 4, offset: 2 })).toEqual(['c_1.txt', 'cx1.txt', 'trip', 'trips']);
    expect(await list(owner, { limit: 4, offset: 6 })).toEqual([]);
  });

  it('refuses an unknown sort column', async () => {
    const result = await user
      .from(bucket)
      .list(owner, { sortBy: { column: 'name; drop table x', order: 'asc' } });
    expect(refusal(result)?.code).toBe('InvalidRequest');
  });
});

type OptionsV2 = NonNullable<Parameters<ReturnType<Storage['from']>['listV2']>[0]>;
const pages = async (options: OptionsV2) => {
  const seen: string[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 20; page += 1) {
    const { data, error } = await user.from(bucket).listV2({ ...options, cursor });
    if (error) throw error;
    const { folders, objects } = data;
    expect(folders.length + objects.length).toBeLessThanOrEqual(options.limit ?? 1000);
    seen.push(...[...folders, ...objects].map(({ name }) => name.replace(`${owner}/`, '')));
    if (!data.hasNext) return seen;
    cursor = data.nextCursor;
  }
  throw new Error('The pages never end');
};

describe('listV2', () => {
  it.each(['asc', 'desc'] as const)('pages through every file once, by name %s', async (order) => {
    const sorted = [...names].sort();
    const expected = order === 'asc' ? sorted : sorted.reverse();
    for (const limit of [1, 3, 8]) {
      expect(await pages({ prefix: `${owner}/`, limit, sortBy: { column: 'name', order } })).toEqual(
        expected,
      );
    }
  });

  it.each(['asc', 'desc'] as const)('pages through every file once, by time %s', async (order) => {
    const expected = order === 'asc' ? [...names].reverse() : names;
    const sortBy = { column: 'created_at', order } as const;
    expect(await pages({ prefix: `${owner}/`, limit: 3, sortBy })).toEqual(expected);
  });

  it('groups by folder when asked to', async () => {
    const { data } = await user.from(bucket).listV2({ prefix: `${owner}/tr`, with_delimiter: true });
    expect(data?.folders.map(({ name }) => name)).toEqual([`${owner}/trip/`, `${owner}/trips/`]);
    expect(data?.objects).toEqual([]);
    // The key of a folder is its own name, without the slash.
    expect(data?.folders.map(({ key }) => key)).toEqual(['trip', 'trips']);
    const all = await pages({ prefix: `${owner}/`, with_delimiter: true, limit: 1 });
    expect(all).toEqual(['A.txt', 'b.txt', 'c_1.txt', 'cx1.txt', 'trip/', 'trips/']);
  });

  it('gives a key only when folders are asked for', async () => {
    const keys = async (options: OptionsV2) =>
      (await user.from(bucket).listV2(options)).data?.objects.map(({ key }) => key);
    expect(await keys({ prefix: `${owner}/trip/`, with_delimiter: true })).toEqual(['1.jpg', '2.jpg']);
    expect(await keys({ prefix: `${owner}/trip/` })).toEqual([undefined, undefined, undefined]);
  });

  it.each(['asc', 'desc'] as const)('sorts a folder by its oldest file, by time %s', async (order) => {
    const oldestFirst = ['trips/', 'trip/', 'cx1.txt', 'c_1.txt', 'A.txt', 'b.txt'];
    const sortBy = { column: 'created_at', order } as const;
    for (const limit of [1, 4]) {
      expect(await pages({ prefix: `${owner}/`, with_delimiter: true, limit, sortBy })).toEqual(
        order === 'asc' ? oldestFirst : oldestFirst.toReversed(),
      );
    }
  });

  it('refuses a cursor that it did not give', async () => {
    expect(refusal(await user.from(bucket).listV2({ cursor: 'nonsense' }))?.code).toBe('InvalidRequest');
  });
});
