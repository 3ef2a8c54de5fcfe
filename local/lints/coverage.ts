// docs/coverage/ says which capability works, and which test proves it, in one file per module. This lint keeps it
// true: a test that is renamed or removed takes its claim with it.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listSqlTests, listVitestTests } from './test-names.ts';

/** What is wrong with one line of a file in docs/coverage/. */
export interface Problem {
  /** From the root of the project. */
  file: string;
  /** Counted from 1. */
  line: number;
  problem: string;
}

const states = ['works', 'partly', 'planned'] as const;
type State = (typeof states)[number];

/** How many capabilities of a module are in which state. */
export interface ModuleCoverage extends Record<State, number> {
  /** The name of its file, without its ending. */
  module: string;
  /** The heading of its file. */
  title: string;
}

const folder = 'docs/coverage';
const index = 'README.md';
const columns = ['Capability', 'Source', 'State', 'Proof'];

const isState = (text: string): text is State => states.some((state) => state === text);

/** The cells of a row of a Markdown table, or null for another line; `\|` is a bar inside a cell. */
function cellsOf(line: string): string[] | null {
  const text = line.trim();
  if (!text.startsWith('|') || !text.endsWith('|') || text.length < 2) return null;
  return text
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
}

/** The rows of the table, with their lines; without the line under the head. */
function* rowsOf(text: string): Generator<{ line: number; cells: string[] }> {
  for (const [at, line] of text.split('\n').entries()) {
    const cells = cellsOf(line);
    if (cells && !cells.every((cell) => /^:?-+:?$/.test(cell))) yield { line: at + 1, cells };
  }
}

/** `path › name<br>path › name`; a dash stands for no proof. */
function proofsOf(cell: string): string[] {
  if (cell === '' || cell === '—' || cell === '-') return [];
  return cell.split(/<br\s*\/?>/).map((proof) => proof.trim());
}

function listTests(file: string): Map<string, 'runs' | 'skipped'> {
  const text = readFileSync(file, 'utf8');
  return file.endsWith('.sql') ? listSqlTests(text) : listVitestTests(text, file);
}

function modulesOf(root: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder))
    .filter((name) => name.endsWith('.md') && name !== index)
    .map((name) => name.slice(0, -'.md'.length))
    .sort();
}

const textOf = (root: string, module: string): string =>
  readFileSync(join(root, folder, `${module}.md`), 'utf8');

/** The sums of every module, for the index. */
export function countCoverage(root: string): ModuleCoverage[] {
  return modulesOf(root).map((module) => {
    const text = textOf(root, module);
    const count: ModuleCoverage = {
      module,
      title: /^# (.+)$/m.exec(text)?.[1] ?? module,
      works: 0,
      partly: 0,
      planned: 0,
    };
    for (const { cells } of rowsOf(text)) {
      const state = cells[columns.indexOf('State')] ?? '';
      if (isState(state)) count[state] += 1;
    }
    return count;
  });
}

/** Every row whose state is unknown, whose proof does not exist, or which works without a proof. */
export function checkCoverage(root: string): Problem[] {
  const problems: Problem[] = [];
  const known = new Map<string, Map<string, 'runs' | 'skipped'>>();
  const seen = new Set<string>();

  const checkProof = (proof: string): string | null => {
    const [, path, name] = /^`?([^\s`›]+)`? › (.+)$/.exec(proof) ?? [];
    if (!path || !name) return `"${proof}" is not of the form path › test name`;
    if (!/\.(test\.ts|sql)$/.test(path)) return `${path} is not a test file`;
    if (!existsSync(join(root, path))) return `there is no file ${path}`;
    let tests = known.get(path);
    if (!tests) {
      tests = listTests(join(root, path));
      known.set(path, tests);
    }
    const state = tests.get(name);
    if (!state) return `${path} has no test "${name}"`;
    return state === 'skipped' ? `"${name}" in ${path} is skipped` : null;
  };

  const checkModule = (module: string): void => {
    const file = `${folder}/${module}.md`;
    let rows = 0;
    for (const { line, cells } of rowsOf(textOf(root, module))) {
      const tell = (problem: string): void => void problems.push({ file, line, problem });
      if (cells[0] === columns[0]) {
        if (cells.join() !== columns.join()) tell(`the columns must be ${columns.join(', ')}`);
        continue;
      }
      rows += 1;
      const [capability = '', source = '', state = '', proof = ''] = cells;
      if (cells.length !== columns.length) {
        tell(`has ${cells.length} cells, not ${columns.length}`);
        continue;
      }
      if (capability === '' || source === '') tell('capability and source are needed');
      if (seen.has(capability)) tell(`"${capability}" is listed twice`);
      seen.add(capability);
      if (!isState(state)) tell(`"${state}" is no state: works, partly or planned`);
      const proofs = proofsOf(proof);
      if (state === 'works' && proofs.length === 0) tell(`"${capability}" works, but nothing proves it`);
      for (const one of proofs) {
        const problem = checkProof(one);
        if (problem) tell(problem);
      }
    }
    // a page the parser does not understand must not pass for a clean one
    if (rows === 0) problems.push({ file, line: 0, problem: 'has no table of capabilities' });
  };

  const modules = modulesOf(root);
  if (modules.length === 0) return [{ file: folder, line: 0, problem: 'has no file of a module' }];
  for (const module of modules) checkModule(module);
  return problems;
}

if (import.meta.main) {
  const problems = checkCoverage(join(import.meta.dirname, '..', '..'));
  for (const { file, line, problem } of problems) console.error(`${file}:${line}: ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
