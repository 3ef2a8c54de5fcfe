// Reads the endpoints of the edge functions from their handlers: what they are, and the errors they answer.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import type { ListedError } from './commands.ts';

/** An endpoint of an edge function. */
export interface EdgeEndpoint {
  /** Function and path, e.g. `payments/start` or `receipts/:id`. */
  name: string;
  methods: string[];
  auth: string;
  errors: ListedError[];
}

/** The names in a list like `['POST']`; none when it is absent. */
const namesIn = (node: ts.Expression | undefined): string[] =>
  node && ts.isArrayLiteralExpression(node)
    ? node.elements.filter(ts.isStringLiteralLike).map((element) => element.text)
    : [];

/** The files beside the handler whose exports a text uses, as one text. */
function helpersUsedIn(text: string, file: ts.SourceFile, folder: string): string {
  return file.statements
    .filter(ts.isImportDeclaration)
    .filter(
      ({ moduleSpecifier }) => ts.isStringLiteral(moduleSpecifier) && moduleSpecifier.text.startsWith('./'),
    )
    .filter(({ importClause }) => {
      const bindings = importClause?.namedBindings;
      const names =
        bindings && ts.isNamedImports(bindings) ? bindings.elements.map(({ name }) => name.text) : [];
      return names.some((name) => new RegExp(`\\b${name}\\b`).test(text));
    })
    .map(({ moduleSpecifier }) =>
      readFileSync(join(folder, (moduleSpecifier as ts.StringLiteral).text), 'utf8'),
    )
    .join('\n');
}

/**
 * The endpoints in a handler. Their errors are those of the commands they call, what a wrong body gives, and what the
 * endpoint itself lists under `errors`.
 */
function endpointsOf(
  name: string,
  folder: string,
  commands: ReadonlyMap<string, readonly ListedError[]>,
): EdgeEndpoint[] {
  const file = ts.createSourceFile(
    'handler.ts',
    readFileSync(join(folder, 'handler.ts'), 'utf8'),
    ts.ScriptTarget.Latest,
    true,
  );
  const found: EdgeEndpoint[] = [];
  const visit = (node: ts.Node): void => {
    const [definition] = ts.isCallExpression(node) ? node.arguments : [];
    if (
      ts.isCallExpression(node) &&
      node.expression.getText() === 'endpoint' &&
      definition &&
      ts.isObjectLiteralExpression(definition)
    ) {
      const values = new Map(
        definition.properties
          .filter(ts.isPropertyAssignment)
          .map((property) => [property.name.getText(), property.initializer]),
      );
      const value = (key: string): string => (values.get(key)?.getText() ?? '').replaceAll("'", '');
      const code = definition.getText();
      const text = code + helpersUsedIn(code, file, folder);
      const called = [...text.matchAll(/\.call\(\s*'(\w+)'/g)].flatMap(
        ([, command = '']) => commands.get(command) ?? [],
      );
      const own = namesIn(values.get('errors')).map((one) => ({ code: one, note: null }));
      const body = values.has('body') ? [{ code: 'invalid_input', note: null }] : [];
      const all = [...called, ...own, ...body];
      found.push({
        name: `${name}${value('path')}`.replace(/\/$/, ''),
        methods: namesIn(values.get('methods')),
        auth: value('auth'),
        errors: all.filter(({ code }, i) => all.findIndex((other) => other.code === code) === i),
      });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return found;
}

/** Every endpoint of every function, by name. */
export function readEndpoints(
  root: string,
  commands: ReadonlyMap<string, readonly ListedError[]>,
): EdgeEndpoint[] {
  const functions = join(root, 'supabase', 'functions');
  return readdirSync(functions)
    .filter((name) => existsSync(join(functions, name, 'handler.ts')))
    .sort()
    .flatMap((name) => endpointsOf(name, join(functions, name), commands));
}
