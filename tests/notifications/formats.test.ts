import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  formatMoney,
  formatPeriod,
  formatTime,
  type Locale,
} from '../../supabase/functions/_shared/formats.ts';
import { openWorld, type World } from '../support/sql.ts';

// What the database writes into mails and notifications, and what a receipt shows, are the same.
let world: World;
const locales: readonly Locale[] = ['vi', 'en'];

beforeAll(async () => {
  world = await openWorld();
});

afterAll(() => world?.close());

const some = <T>(values: fc.Arbitrary<T>, numRuns: number): T[] => fc.sample(values, numRuns);

describe('receipts and notifications', () => {
  it('write every amount alike, in every currency and language', async () => {
    const currencies = ['VND', 'USD', 'EUR', 'JPY', 'KWD', 'THB', 'SGD', 'IDR', 'CHF'];
    const amounts = [
      ...[0, 1, -1, 99, 100, 999, 1000, -1000, 1_250_000, 999_999_999_999],
      ...some(fc.integer({ min: -1_000_000_000_000, max: 1_000_000_000_000 }), 300),
    ];
    const cases = currencies.flatMap((currency) =>
      locales.flatMap((locale) => amounts.map((amount) => ({ amount, currency, locale }))),
    );
    const { rows } = await world.sql.query<{ text: string }>(
      `select private.format_money(c.amount, c.currency, c.locale) as text
       from rows from (jsonb_to_recordset($1::jsonb) as (amount bigint, currency text, locale text)) with ordinality as c (amount, currency, locale, i)
       order by c.i`,
      [JSON.stringify(cases)],
    );
    expect(rows.map(({ text }) => text)).toEqual(
      cases.map(({ amount, currency, locale }) => formatMoney(amount, currency, locale)),
    );
  });

  it('write every time and period alike, in every language', async () => {
    const instants = some(
      fc.date({ min: new Date('2020-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
      500,
    ).map((date) => date.toISOString());
    const cases = locales.flatMap((locale) =>
      instants.map((from, i) => ({ from, to: instants[(i + 1) % instants.length] ?? from, locale })),
    );
    const { rows } = await world.sql.query<{ time: string; period: string }>(
      `select private.format_time(c."from", 'Asia/Ho_Chi_Minh', c.locale) as time,
              private.format_period(c."from", c."to", 'Asia/Ho_Chi_Minh', c.locale) as period
       from rows from (jsonb_to_recordset($1::jsonb) as ("from" timestamptz, "to" timestamptz, locale text)) with ordinality as c ("from", "to", locale, i)
       order by c.i`,
      [JSON.stringify(cases)],
    );
    expect(rows).toEqual(
      cases.map(({ from, to, locale }) => ({
        time: formatTime(from, locale),
        period: formatPeriod(from, to, locale),
      })),
    );
  });
});
