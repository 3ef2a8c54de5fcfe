// Keeps the lists of errors in the doc comments of the SDK's methods: each is the sum of the lists of what the method
// calls, so nobody writes one by hand.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { commonErrors, type ListedError } from './commands.ts';

/** The lists of errors by what is called: commands, endpoints of functions, and tables that are written. */
export interface KnownErrors {
  commands: ReadonlyMap<string, readonly ListedError[]>;
  /** By function and path, e.g. `payments/start` or `receipts/:id`. */
  endpoints: ReadonlyMap<string, readonly ListedError[]>;
  tables: ReadonlyMap<string, readonly ListedError[]>;
}

const width = 110;
const plain = (code: string): ListedError => ({ code, note: null });
/** What helpers of the SDK answer by themselves. */
const helperErrors: Record<string, readonly string[]> = {
  readList: ['invalid_input'],
  storageFailure: ['not_found', 'forbidden'],
};
/** Helpers that are given the code to answer. */
const codeTakers: ReadonlySet<string> = new Set(['localError', 'valueOr', 'firstOr']);

/** The text of a call's argument; of an address put together, its constant beginning. */
const textOf = (node: ts.Expression | undefined): string | null => {
  if (node && ts.isStringLiteralLike(node)) return node.text;
  return node && ts.isTemplateExpression(node) ? node.head.text : null;
};

function nameOf(callee: ts.Expression): string {
  if (ts.isPropertyAccessExpression(callee)) return callee.name.text;
  return ts.isIdentifier(callee) ? callee.text : '';
}

function endpointErrors(path: string, known: KnownErrors): readonly ListedError[] {
  const found = [...known.endpoints].find(
    ([pattern]) => pattern === path || pattern.replace(/:\w+$/, '') === path,
  );
  if (!found) throw new Error(`The SDK calls function ${path}, which no handler serves.`);
  return found[1];
}

function commandErrors(name: string, known: KnownErrors): readonly ListedError[] {
  const found = known.commands.get(name);
  if (!found) throw new Error(`The SDK calls ${name}, which is not a function of schema public.`);
  return found;
}

/** The errors of a method: of what it calls, directly or through other methods of its class. */
function errorsOf(
  method: ts.MethodDeclaration,
  methods: ReadonlyMap<string, ts.MethodDeclaration>,
  known: KnownErrors,
): ListedError[] {
  const found = new Map<string, ListedError>();
  const add = (errors: readonly ListedError[]): void => {
    for (const error of errors) {
      if (commonErrors.includes(error.code)) continue;
      if (!found.get(error.code)?.note) found.set(error.code, error);
    }
  };
  const seen = new Set<ts.Node>();
  const follow = (node: ts.Node): void => {
    if (ts.isCallExpression(node)) {
      const name = nameOf(node.expression);
      const own = ts.isPropertyAccessExpression(node.expression) ? node.expression.expression : null;
      const literals = node.arguments.map(textOf);
      if (name === 'rpc' && literals[0]) add(commandErrors(literals[0], known));
      else if (name === 'invoke' && literals[1]) add(endpointErrors(literals[1], known));
      else if (name === 'read' && literals[0]) add(endpointErrors(literals[0], known));
      else if (name === 'update' && own) {
        const table = /\.from\('(\w+)'\)/.exec(own.getText())?.[1];
        if (table) add(known.tables.get(table) ?? []);
      }
      add((helperErrors[name] ?? []).map(plain));
      if (codeTakers.has(name)) add(literals.filter((text) => text !== null).map(plain));
      if (own?.kind === ts.SyntaxKind.ThisKeyword) {
        const called = methods.get(name);
        if (called && !seen.has(called)) {
          seen.add(called);
          follow(called);
        }
      }
    }
    ts.forEachChild(node, follow);
  };
  follow(method);
  return [...found.values()];
}

/** `Errors: …` as lines of at most the width that is left. */
function renderList(errors: readonly ListedError[], room: number): string[] {
  const items = errors.map(({ code, note }) => (note ? `\`${code}\` (${note})` : `\`${code}\``));
  const lines = ['Errors:'];
  items.forEach((item, i) => {
    const end = i === items.length - 1 ? '.' : ',';
    // words, so that a long note breaks too
    for (const word of `${item}${end}`.split(' ')) {
      const last = lines.at(-1) ?? '';
      if (`${last} ${word}`.length <= room) lines[lines.length - 1] = `${last} ${word}`;
      else lines.push(word);
    }
  });
  return lines;
}

/** A doc comment with this list of errors in place of the one it has, at the end of its description. */
export function withErrors(comment: string, indent: string, errors: readonly ListedError[]): string {
  const body = comment
    .slice(3, -2)
    .split('\n')
    .map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  if (body.length === 1) body[0] = (body[0] ?? '').trim();
  const text = body.join('\n').trim();
  const tags = /^@/m.exec(text)?.index ?? text.length;
  const description = text
    .slice(0, tags)
    .replace(/\s*Errors: `[\s\S]*$/, '')
    .trim();
  const list = errors.length === 0 ? [] : renderList(errors, width - indent.length - 3);
  const rest = text.slice(tags).trim();
  const lines = [...description.split('\n'), ...list, ...(rest ? ['', ...rest.split('\n')] : [])];
  const [only = ''] = lines;
  if (lines.length === 1 && indent.length + only.length + 7 <= width + 10) return `/** ${only} */`;
  return ['/**', ...lines.map((line) => `${indent} *${line === '' ? '' : ` ${line}`}`), `${indent} */`].join(
    '\n',
  );
}

/** A source of the SDK with the lists of errors of its methods as they must be. */
export function listErrors(text: string, known: KnownErrors): string {
  const file = ts.createSourceFile('source.ts', text, ts.ScriptTarget.Latest, true);
  const edits: { from: number; to: number; text: string }[] = [];
  for (const type of file.statements.filter(ts.isClassDeclaration)) {
    const methods = new Map(
      type.members.filter(ts.isMethodDeclaration).map((method) => [method.name.getText(), method]),
    );
    for (const method of methods.values()) {
      const range = ts.getLeadingCommentRanges(text, method.pos)?.at(-1);
      if (!range || !text.startsWith('/**', range.pos) || !callsBackend(method)) continue;
      const indent = /[ \t]*$/.exec(text.slice(0, range.pos))?.[0] ?? '';
      const comment = text.slice(range.pos, range.end);
      edits.push({
        from: range.pos,
        to: range.end,
        text: withErrors(comment, indent, errorsOf(method, methods, known)),
      });
    }
  }
  return edits
    .sort((a, b) => b.from - a.from)
    .reduce((result, edit) => result.slice(0, edit.from) + edit.text + result.slice(edit.to), text);
}

/** Sign-in and the like speak to Supabase Auth, whose errors no list of ours knows. */
const callsBackend = (method: ts.MethodDeclaration): boolean =>
  !/client\.auth\.|this\.#run\b/.test(method.getText());

/** The sources of the SDK's methods by their path in the repository. */
export function listedSources(root: string, known: KnownErrors): Map<string, string> {
  const folder = 'sdk/src';
  const names = readdirSync(join(root, folder)).filter((name) => name.endsWith('.ts'));
  return new Map(
    names.map((name) => [
      `${folder}/${name}`,
      listErrors(readFileSync(join(root, folder, name), 'utf8'), known),
    ]),
  );
}
