import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import ts from 'typescript';

/** A piece of TypeScript that a reader may copy. */
export interface DocumentedCode {
  /** `docs/money.md:59`: the line where it begins. */
  where: string;
  code: string;
}

const fence = /^([ \t]*)```(?:ts|tsx|typescript|js|javascript)\b[^\n]*\n([\s\S]*?)^[ \t]*```/gm;

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length;

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

/** The code blocks of a Markdown page, those inside lists too. */
function blocksOf(text: string, name: string): DocumentedCode[] {
  return [...text.matchAll(fence)].map(({ 2: code = '', index }) => ({
    where: `${name}:${lineOf(text, index) + 1}`,
    code,
  }));
}

/** What follows each `@example` of a source file: a code block, or one line between backticks. */
function examplesOf(text: string, name: string): DocumentedCode[] {
  const found: DocumentedCode[] = [];
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true);
  const visit = (node: ts.Node): void => {
    for (const comment of ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc)) {
      if (comment.parent !== node) continue;
      for (const tag of comment.tags ?? []) {
        if (tag.tagName.text !== 'example') continue;
        const body = ts.getTextOfJSDocComment(tag.comment) ?? '';
        const code = /^```ts\n([\s\S]*)\n```$/.exec(body)?.[1] ?? /^`([^`]+)`$/.exec(body)?.[1];
        const where = `${name}:${lineOf(text, tag.getStart())}`;
        if (code === undefined)
          throw new Error(`${where}: not a \`\`\`ts block and not one line in backticks`);
        found.push({ where, code });
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** All TypeScript in the pages for readers and in the doc comments of the SDK. */
export function documentedCode(root: string): DocumentedCode[] {
  const pages = [
    join(root, 'README.md'),
    join(root, 'sdk/README.md'),
    ...filesBelow(join(root, 'docs'), '.md'),
  ];
  const sources = filesBelow(join(root, 'sdk/src'), '.ts');
  return [
    ...pages.flatMap((file) => blocksOf(readFileSync(file, 'utf8'), relative(root, file))),
    ...sources.flatMap((file) => examplesOf(readFileSync(file, 'utf8'), relative(root, file))),
  ];
}

/** A module of an app that has this code in it, in a function, so that `await` and `return` have their place. */
export function asModule(code: string, exported: readonly string[]): string {
  const isImport = (line: string): boolean => /^import\b/.test(line);
  const lines = code.replaceAll('../sdk/src/index.ts', '@journey/sdk').split('\n');
  const used = exported.filter((name) => new RegExp(`\\b${name}\\(`).test(code));
  const imports = lines.some(isImport)
    ? lines.filter(isImport)
    : [`import { ${used.join(', ')} } from '@journey/sdk';`];
  const body = lines.filter((line) => !isImport(line));
  return [...imports, 'export async function shown() {', ...body, '}', ''].join('\n');
}
