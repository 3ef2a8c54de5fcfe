import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readInstant } from '../../supabase/functions/_shared/pricing/index.ts';

const nine = Date.UTC(2026, 2, 1, 2, 0);

describe('an instant', () => {
  it.each([
    '2026-03-01T09:00+07:00',
    '2026-03-01T09:00:00+07:00',
    '2026-03-01T09:00:00.000+07:00',
    '2026-03-01T09:00:00.000999999+07:00',
    '2026-03-01T09:00+0700',
    '2026-03-01T09:00+07',
    '2026-03-01 09:00:00+07',
    '2026-03-01t02:00:00z',
    '2026-03-01T02:00Z',
    '2026-02-28T18:30-07:30',
  ])('is read from %s', (text) => {
    expect(readInstant(text)).toBe(nine);
  });

  it.each([
    '2026-03-01T09:00',
    '2026-03-01',
    '2026-02-30T09:00Z',
    '2026-13-01T09:00Z',
    '2026-03-01T24:00Z',
    '2026-03-01T09:60Z',
    '0026-03-01T09:00Z',
    '2026-03-01T09:00+16:00',
    '2026-03-01T09:00+07:60',
    '2026-03-01T09+07:00',
    '20260301T090000Z',
    ' 2026-03-01T09:00Z',
    '2026-03-01T09:00Z\n',
    'tomorrow',
    '',
  ])('is not read from %j', (text) => {
    expect(readInstant(text)).toBeNull();
  });

  it('written by any clock is read back to the millisecond', () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date('0100-01-01T00:00:00Z'),
          max: new Date('9999-12-31T23:59:59Z'),
          noInvalidDate: true,
        }),
        (date) => {
          expect(readInstant(date.toISOString())).toBe(date.getTime());
        },
      ),
    );
  });
});
