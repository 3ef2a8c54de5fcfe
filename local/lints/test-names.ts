import ts from 'typescript';

type Found = Map<string, 'runs' | 'skipped'>;

const testWords = new Set(['it', 'test']);

/** `it.each(rows)` → ['it', 'each']; null when it is not a chain of names. */
function wordsOf(node: ts.Expression): string[] | null {
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

/**
 * The descriptions in a pgTAP file: the texts that are the last argument of a call. In one that is put
 * together (`'page ' || n || ' of 3'`), what is put in is written as an ellipsis: `page … of 3`.
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
