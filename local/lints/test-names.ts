import ts from 'typescript';

type Found = Map<string, 'runs' | 'skipped'>;

const testWords = new Set(['it', 'test']);

/** `it.each(rows)` → ['it', 'each']; null when it is not a chain of names. */
export function wordsOf(node: ts.Expression): string[] | null {
  if (ts.isIdentifier(node)) return [node.text];
  if (ts.isCallExpression(node)) return wordsOf(node.expression);
  if (ts.isTaggedTemplateExpression(node)) return wordsOf(node.tag);
  if (!ts.isPropertyAccessExpression(node)) return null;
  const left = wordsOf(node.expression);
  return left && [...left, node.name.text];
}

function nameOf(node: ts.Node): string | null {
  if (ts.isStringLiteralLike(node)) return node.text;
  return ts.isTemplateExpression(node) ? node.getText().slice(1, -1) : null;
}

/** The names of the tests in a vitest file, as written: `%s` of `it.each` and `${name}` stay. */
export function listVitestTests(text: string, fileName = 'some.test.ts'): Found {
  const found: Found = new Map();
  const visit = (node: ts.Node, skipped: boolean): void => {
    let inside = skipped;
    if (ts.isCallExpression(node)) {
      const words = wordsOf(node.expression);
      const [first] = node.arguments;
      if (words && (testWords.has(words[0] ?? '') || words[0] === 'describe')) {
        // skipIf and runIf depend on the machine and are no reason to doubt
        inside = skipped || words.includes('skip') || words.includes('todo');
        const name = first && nameOf(first);
        if (words[0] !== 'describe' && name) found.set(name, inside ? 'skipped' : 'runs');
      }
    }
    ts.forEachChild(node, (child) => visit(child, inside));
  };
  visit(ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true), false);
  return found;
}

const assertions = new Set(
  'alike ok is isnt is_empty isnt_empty lives_ok matches results_eq results_ne set_eq throws_ok'.split(' '),
);

const token = /--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|'(?:[^']|'')*'|[\w.:]+|\|\||[(),]|[^\s\w]/g;

const isComment = (text: string) => text.startsWith('--') || text.startsWith('/*');

/** `'page ' || n || ' of 3'` → `page … of 3`; null when it does not begin with a text. */
function describe(argument: string[]): string | null {
  if (!argument[0]?.startsWith("'")) return null;
  return argument
    .filter((part) => part !== '||')
    .map((part) => (part.startsWith("'") ? part.slice(1, -1).replaceAll("''", "'") : '…'))
    .join('')
    .replaceAll(/…+/g, '…');
}

/** The descriptions in a pgTAP file, with their lines; what is put into one is written as an ellipsis. */
export function listDescriptions(text: string): { name: string; line: number }[] {
  const found: { name: string; line: number }[] = [];
  // one entry per open bracket: whether it is an assertion's, and its argument so far
  const open: { asserts: boolean; argument: string[] }[] = [{ asserts: false, argument: [] }];
  let before = '';
  for (const { 0: part, index } of text.matchAll(token)) {
    if (isComment(part)) continue;
    const current = open.at(-1);
    if (part === '(') {
      current?.argument.push(part);
      open.push({ asserts: assertions.has(before), argument: [] });
    } else if (part === ')') {
      const closed = open.length > 1 ? open.pop() : undefined;
      const name = closed?.asserts ? describe(closed.argument) : null;
      if (name !== null) found.push({ name, line: text.slice(0, index).split('\n').length });
    } else if (part === ',') {
      if (current) current.argument = [];
    } else current?.argument.push(part);
    before = part;
  }
  return found;
}

/**
 * All that may be a description in a pgTAP file, those in lists of cases too: texts that end a pair of brackets. In
 * one that is put together (`'page ' || n || ' of 3'`), what is put in is written as an ellipsis: `page … of 3`.
 */
export function listSqlTests(text: string): Found {
  const found: Found = new Map();
  // comments and dollar-quoted statements first, so that what is inside them is not taken for a description
  const tokens =
    /--[^\n]*|\/\*[\s\S]*?\*\/|\$(\w*)\$[\s\S]*?\$\1\$|('(?:[^']|'')*'(?:\s*\|\|\s*[\w.]+\s*\|\|\s*'(?:[^']|'')*')*)(\s*\))?/g;
  for (const [, , description, closes] of text.matchAll(tokens)) {
    if (description === undefined || closes === undefined) continue;
    const name = description.slice(1, -1).replaceAll(/(?<!')'\s*\|\|\s*[\w.]+\s*\|\|\s*'(?!')/g, '…');
    found.set(name.replaceAll("''", "'"), 'runs');
  }
  return found;
}
