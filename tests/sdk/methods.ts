import { join } from 'node:path';
import ts from 'typescript';

/** What is known of a method of the package without calling it. */
export interface Method {
  isList: boolean;
  takesPage: boolean;
  /** Whether rows come out of it: in a promise, a result, a page, a generator or an array. */
  answersRows: boolean;
  /** The names of its arguments, and of what is in those that are objects. */
  arguments: Set<string>;
  /** The database functions that it calls. */
  commands: string[];
  /** The edge functions that it calls. */
  endpoints: string[];
}

/** The methods of the package by their path from `journey`. */
export function readMethods(): Map<string, Method> {
  const entry = join(import.meta.dirname, '../../sdk/src/journey.ts');
  const program = ts.createProgram([entry], {
    target: ts.ScriptTarget.ES2023,
    module: ts.ModuleKind.NodeNext,
    strict: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  });
  const checker = program.getTypeChecker();
  const client = program
    .getSourceFile(entry)
    ?.statements.filter(ts.isClassDeclaration)
    .find(({ name }) => name?.text === 'Journey');
  const symbol = client?.name && checker.getSymbolAtLocation(client.name);
  if (!symbol) throw new Error('journey.ts has no class Journey');

  const nameOf = (type: ts.Type): string => (type.aliasSymbol ?? type.getSymbol())?.getName() ?? '';
  const argumentsOf = (type: ts.Type): readonly ts.Type[] =>
    type.aliasTypeArguments ?? checker.getTypeArguments(type as ts.TypeReference);
  const holdsRows = (type: ts.Type): boolean => {
    if (checker.isArrayType(type) || type.getProperty('rows')) return true;
    if (/^(Async)?(Generator|Iterable|IterableIterator)$/.test(nameOf(type))) return true;
    return /^(Promise|Result|List)$/.test(nameOf(type)) && argumentsOf(type).some(holdsRows);
  };
  /** The names in an object, in whatever of its forms. */
  const namesIn = (type: ts.Type): string[] => {
    const forms = type.isUnion() ? type.types : [type];
    return forms
      .filter((form) => (form.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) !== 0)
      .flatMap((form) => form.getProperties().map((property) => property.getName()));
  };
  const describe = (declared: ts.MethodDeclaration, signature: ts.Signature): Method => {
    const answer = signature.getReturnType();
    const given = signature.getParameters().map((parameter) => ({
      name: parameter.getName(),
      names: namesIn(checker.getTypeOfSymbolAtLocation(parameter, declared)),
    }));
    const text = declared.getText();
    const found = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name = '']) => name);
    return {
      isList: nameOf(answer) === 'List',
      takesPage: ['after', 'pageSize'].every((name) => given[0]?.names.includes(name)),
      answersRows: holdsRows(answer),
      arguments: new Set(given.flatMap(({ name, names }) => [name, ...names])),
      commands: found(/\.rpc\(\s*'(\w+)'/g),
      endpoints: found(/\.invoke(?:<[^(]*>)?\(\s*'\w+',\s*'([\w/]+)'/g),
    };
  };

  const methods = new Map<string, Method>();
  const walk = (type: ts.Type, path: string): void => {
    for (const property of type.getProperties()) {
      const { valueDeclaration: declared } = property;
      if (!declared || property.getName() === 'supabase') continue;
      const at = path === '' ? property.getName() : `${path}.${property.getName()}`;
      const own = checker.getTypeOfSymbolAtLocation(property, declared);
      if (ts.isPropertyDeclaration(declared) && !ts.isPrivateIdentifier(declared.name)) walk(own, at);
      if (!ts.isMethodDeclaration(declared) || ts.isPrivateIdentifier(declared.name)) continue;
      for (const signature of own.getCallSignatures()) methods.set(at, describe(declared, signature));
    }
  };
  walk(checker.getDeclaredTypeOfSymbol(symbol), '');
  return methods;
}
