import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Result } from '../../sdk/src/index.ts';
import { closeSql, ok } from '../support/world.ts';
import { type Story, tellStory, type Viewer } from './screens-story.ts';

// docs/screens.md names the calls of each screen, and what they answer. Here they are made, letter by letter.

interface Call {
  code: string;
  fields: string[];
}

interface Screen {
  name: string;
  viewer: Viewer;
  calls: Call[];
}

function readScreens(): Screen[] {
  const page = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'screens.md'), 'utf8');
  const screens: Screen[] = [];
  for (const line of page.split('\n')) {
    const [name, viewer, code, fields] = line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim());
    if (!code?.startsWith('`')) continue;
    // a row without a name is the second call of the screen above
    if (name) screens.push({ name, viewer: viewer as Viewer, calls: [] });
    screens.at(-1)?.calls.push({ code: code.replaceAll('`', ''), fields: fields?.split(', ') ?? [] });
  }
  return screens;
}

/** What is wrong with a field: no list on the way may be empty, and of rows that lack a part, such as a photo, one must have it. */
function problemOf(value: unknown, path: string[], way = ''): string | null {
  if (Array.isArray(value)) {
    if (value.length === 0) return `${way} is empty`;
    const problems = value.map((one) => problemOf(one, path, `${way}[]`));
    return problems.includes(null) ? null : (problems[0] ?? null);
  }
  const [key, ...rest] = path;
  if (key === undefined) return null;
  if (typeof value !== 'object' || value === null) return `${way} has no fields`;
  if (!(key in value)) return `${way} has no ${key}`;
  const next = (value as Record<string, unknown>)[key];
  return rest.length === 0 ? null : problemOf(next, rest, `${way}.${key}`);
}

const screens = readScreens();
let story: Story;

beforeAll(async () => {
  story = await tellStory();
});
afterAll(async () => {
  for (const journey of Object.values(story?.viewers ?? {})) await journey.close();
  await closeSql();
});

describe('the screens of an app', () => {
  it('are those of a rental and a ticket app, with at most two calls each', () => {
    expect(screens.length).toBeGreaterThan(30);
    expect(new Set(screens.map(({ name }) => name)).size).toBe(screens.length);
    for (const { name, calls } of screens) {
      expect(calls.length, name).toBeLessThanOrEqual(2);
      for (const { fields } of calls) expect(fields.length, name).toBeGreaterThan(0);
    }
  });

  it.each(screens)('$name is drawn by what these calls answer', async ({ viewer, calls }) => {
    const journey = story.viewers[viewer];
    for (const { code, fields } of calls) {
      const call = runInNewContext(`journey.${code}`, { journey, ...story.names }) as Promise<
        Result<unknown>
      >;
      const answer = await ok(call);
      const problems = fields.map((field) => problemOf(answer, field.split('.'), code));
      expect(problems.filter((problem) => problem !== null)).toEqual([]);
    }
  });
});
