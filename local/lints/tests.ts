// Rules for test files.
// Patience: a test waits for what it looks at, never for a time, since on a busy machine everything takes longer. What
// hangs is ended by the limits in vitest.config.ts, and nothing has a shorter one of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

export interface TestProblem {
  file: string;
  /** Counted from 1. */
  line: number;
  problem: string;
}

const limited = new Set(['it', 'test', 'beforeAll', 'beforeEach', 'afterAll', 'afterEach']);
const patienceMs = 600_000;

/** `it.each(rows)(…)` → it, `expect.poll(…)` → poll. */
function calledName(node: ts.Expression): string {
  if (ts.isIdentifier(node)) return node.text;
  if (ts.isCallExpression(node)) return calledName(node.expression);
  if (!ts.isPropertyAccessExpression(node)) return '';
  const name = node.name.text;
  return name === 'poll' || name === 'waitFor' ? name : calledName(node.expression);
}

function limitOf(name: string, last: ts.Expression | undefined): ts.Expression | undefined {
  if (!last) return undefined;
  if (limited.has(name)) return last;
  if (name !== 'poll' || !ts.isObjectLiteralExpression(last)) return undefined;
  const option = last.properties.find((one) => one.name?.getText() === 'timeout');
  return option && ts.isPropertyAssignment(option) ? option.initializer : undefined;
}

/** Where a vitest file has less patience than all tests have. */
export function findImpatience(text: string, file = 'some.test.ts'): TestProblem[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const problems: TestProblem[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
      const name = calledName(node.expression);
      const limit = limitOf(name, node.arguments.at(-1));
      if (name === 'waitFor') problems.push({ file, line, problem: 'use expect.poll instead of waitFor' });
      if (limit && ts.isNumericLiteral(limit) && Number(limit.text) < patienceMs)
        problems.push({ file, line, problem: `${name} has a time limit of its own` });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return problems;
}

const places = ['tests', 'sdk/src', 'supabase/functions'];

/** What is wrong with the tests of the project. */
export function lintTests(root: string): TestProblem[] {
  const files = places.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => `${place}/${name}`),
  );
  return files.flatMap((file) => findImpatience(readFileSync(join(root, file), 'utf8'), file));
}
