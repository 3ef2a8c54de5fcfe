// Rules for test files.
// Sentences: the name of a test says what holds, without the line above it. With what it is grouped under, it has a
// subject and a verb, and does not go on from another name.
// Patience: a test waits for what it looks at, never for a time, since on a busy machine everything takes longer. What
// hangs is ended by the limits in vitest.config.ts, and nothing has a shorter one of its own.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { listDescriptions, wordsOf } from './test-names.ts';

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

// Words that go on from another sentence.
const goesOn = /^(nor|and|or|but|not|then|so|also|which|whose|until|once|unless|even)\b/i;
// Beneath a group a name may go on from that: `a notification` › `whose body is empty is malformed`.
const goesOnBeneath = /^(nor|and|or|but|then|so|also)\b/i;
const verb = /\b(is|are|was|were|has|have|had|does|do|can|cannot|may|must|[a-z]{2,}[^s\W]s)\b/;

/** Why a name is no sentence, as far as simple rules can tell. */
export function findFragment(name: string): string | null {
  if (goesOn.test(name)) return `"${name}" goes on from another name`;
  if (name.split(/\s+/).length < 4) return `"${name}" has fewer than four words`;
  return verb.test(name) ? null : `"${name}" has no verb`;
}

/** The names in a vitest file that are no sentences, together with those of their groups. */
export function findFragments(text: string, file = 'some.test.ts'): TestProblem[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  const problems: TestProblem[] = [];
  const visit = (node: ts.Node, group: string): void => {
    let inside = group;
    if (ts.isCallExpression(node)) {
      const [word] = wordsOf(node.expression) ?? [];
      const [first] = node.arguments;
      const name =
        first && (ts.isStringLiteralLike(first) || ts.isTemplateExpression(first)) ? first.getText() : '';
      const plain = name.slice(1, -1);
      if (word === 'describe') inside = `${group} ${plain}`.trim();
      if ((word === 'it' || word === 'test') && plain !== '') {
        const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
        const problem = goesOnBeneath.test(plain)
          ? `"${plain}" goes on from another name`
          : findFragment(`${group} ${plain}`.trim());
        if (problem) problems.push({ file, line, problem });
      }
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(source, '');
  return problems;
}

const places = ['tests', 'sdk/src', 'supabase/functions'];

/** What is wrong with the tests of the project. */
export function lintTests(root: string): TestProblem[] {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const vitest = places.flatMap((place) =>
    readdirSync(join(root, place), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts') && !name.includes('node_modules'))
      .map((name) => `${place}/${name}`),
  );
  const pgTap = readdirSync(join(root, 'supabase/tests'))
    .filter((name) => name.endsWith('.sql'))
    .map((name) => `supabase/tests/${name}`);
  return [
    ...vitest.flatMap((file) => [...findImpatience(read(file), file), ...findFragments(read(file), file)]),
    ...pgTap.flatMap((file) =>
      listDescriptions(read(file)).flatMap(({ name, line }) => {
        const problem = findFragment(name);
        return problem ? [{ file, line, problem }] : [];
      }),
    ),
  ];
}
