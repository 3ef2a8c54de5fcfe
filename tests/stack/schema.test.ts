import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataApiConnection } from '../../local/gateway/connection.ts';
import { asPostgres, stack } from './harness.ts';

let connection: Awaited<ReturnType<typeof dataApiConnection>>;
beforeAll(async () => {
  connection = await dataApiConnection(stack.ADMIN_DB_URL);
});
afterAll(async () => {
  await connection.close();
  await asPostgres((db) => db.query('drop table if exists public.stack_late'));
});

const read = () => connection.introspect({ useCache: true });

describe('the schema that the Data API knows', () => {
  it('is read once for all waiting requests, and again after a change', async () => {
    const [first, ...others] = await Promise.all(Array.from({ length: 25 }, read));
    expect(first?.tables.length).toBeGreaterThan(10);
    expect(others.every((schema) => schema === first)).toBe(true);
    expect(await read()).toBe(first);
    await connection.clearSchemaCache();
    expect(await read()).not.toBe(first);
  });

  it('is read again when a change comes while it is being read', async () => {
    await connection.clearSchemaCache();
    const reading = read();
    await asPostgres((db) => db.query('create table public.stack_late (id int primary key)'));
    await connection.clearSchemaCache();
    const knows = ({ tables }: Awaited<ReturnType<typeof read>>) =>
      tables.some(({ name }) => name === 'stack_late');
    expect(knows(await reading)).toBe(true);
    expect(knows(await read())).toBe(true);
  });
});
