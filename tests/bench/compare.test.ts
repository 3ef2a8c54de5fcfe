import { describe, expect, it } from 'vitest';
import { barChart } from '../../bench/plot.ts';
import { measurement } from '../../bench/report.ts';
import { requireSameRows, type Writes } from '../../bench/rows.ts';
import { StackError } from '../../local/errors.ts';

const writes = (rows: Record<string, [added: number, updates: number]>): Writes =>
  new Map(Object.entries(rows).map(([name, [added, updates]]) => [name, { added, updates }]));

function refusal(command: Writes, baseline: Writes): string {
  try {
    requireSameRows(command, 'the baseline', baseline);
  } catch (error) {
    if (error instanceof StackError) return `${error.message} ${error.advice}`;
    throw error;
  }
  return '';
}

describe('a bench that compares a command with the same rows', () => {
  it('accepts a baseline that inserts in its last state what the command inserts and updates', () => {
    const command = writes({ 'public.conversations': [1, 1], 'private.outbox': [3, 0] });
    expect(refusal(command, writes({ 'public.conversations': [1, 0], 'private.outbox': [3, 0] }))).toBe('');
  });

  it('refuses a baseline that lacks rows, and names their table', () => {
    const command = writes({ 'public.bookings': [1, 0], 'public.messages': [1, 0] });
    const said = refusal(command, writes({ 'public.bookings': [1, 0] }));
    expect(said).toContain('the baseline does not write the rows');
    expect(said).toContain('public.messages: 1.00 added');
    expect(said).not.toContain('public.bookings');
  });

  it('refuses a baseline that does not update a row that was there before', () => {
    expect(refusal(writes({ 'private.inboxes': [0, 2] }), writes({}))).toContain('private.inboxes');
  });
});

describe('a chart of a run', () => {
  it('is XML whatever the names of its bars are', () => {
    const bar = { label: 'a < b & "c"', value: 3, text: '3', isBaseline: false };
    const svg = barChart('rates', [bar], { value: 4, name: '4' });
    expect(svg).toContain('a &lt; b &amp; &quot;c&quot;');
    expect(svg).not.toMatch(/<text[^>]*>[^<]*&(?!lt;|gt;|amp;|quot;)/);
  });

  it('draws the longest bar to the end and the others in proportion', () => {
    const bar = (value: number) => ({ label: String(value), value, text: '', isBaseline: false });
    const widths = [...barChart('rates', [bar(10), bar(5)]).matchAll(/<rect x="300".* width="([0-9.]+)"/g)];
    expect(widths.map(([, width]) => Number(width))).toEqual([350, 175]);
  });
});

it('a measurement is judged by its ratio', () => {
  expect(measurement('x', 'per second', 60, 100, { atLeast: 0.6 }).ok).toBe(true);
  expect(measurement('x', 'per second', 59, 100, { atLeast: 0.6 }).ok).toBe(false);
  expect(measurement('x', 'ms', 3, 1, { below: 3 }).ok).toBe(false);
});
