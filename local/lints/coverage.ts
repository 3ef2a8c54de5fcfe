// docs/coverage.md says which capability works, and which test proves it. This lint keeps it true: a test that
// is renamed or removed takes its claim with it.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { listSqlTests, listVitestTests } from './test-names.ts';

/** What is wrong with one line of docs/coverage.md. */
export interface Problem {
  /** Counted from 1. */
  line: number;
  problem: string;
}

const page = 'docs/coverage.md';
const columns = ['Capability', 'Source', 'Module', 'State', 'Proof'];
type State = 'works' | 'partly' | 'planned';

const isState = (text: string): text is State => ['works', 'partly', 'planned'].includes(text);

/** The cells of a row of a Markdown table, or null for another line; `\|` is a bar inside a cell. */
function cellsOf(line: string): string[] | null {
  const text = line.trim();
  if (!text.startsWith('|') || !text.endsWith('|') || text.length < 2) return null;
  return text
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));
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

/** Every row whose state is unknown, whose proof does not exist, or which works without a proof. */
export function checkCoverage(root: string): Problem[] {
  const file = join(root, page);
  if (!existsSync(file)) return [{ line: 0, problem: `${page} does not exist` }];
  const problems: Problem[] = [];
  const known = new Map<string, Map<string, 'runs' | 'skipped'>>();
  const seen = new Set<string>();
  const count = { works: 0, partly: 0, planned: 0 };
  let told: { line: number; text: string } | undefined;
  let rows = 0;

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

  for (const [index, line] of readFileSync(file, 'utf8').split('\n').entries()) {
    const tell = (problem: string): void => void problems.push({ line: index + 1, problem });
    if (/^\d+ capabilities:/.test(line)) told = { line: index + 1, text: line };
    const cells = cellsOf(line);
    if (!cells || cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
    if (cells[0] === columns[0]) {
      if (cells.join() !== columns.join()) tell(`the columns must be ${columns.join(', ')}`);
      continue;
    }
    rows += 1;
    const [capability = '', source = '', module = '', state = '', proof = ''] = cells;
    if (cells.length !== columns.length) {
      tell(`has ${cells.length} cells, not ${columns.length}`);
      continue;
    }
    if (capability === '' || source === '' || module === '') tell('capability, source and module are needed');
    if (seen.has(capability)) tell(`"${capability}" is listed twice`);
    seen.add(capability);
    if (isState(state)) count[state] += 1;
    else tell(`"${state}" is no state: works, partly or planned`);
    const proofs = proofsOf(proof);
    if (state === 'works' && proofs.length === 0) tell(`"${capability}" works, but nothing proves it`);
    for (const one of proofs) {
      const problem = checkProof(one);
      if (problem) tell(problem);
    }
  }
  const sum = `${rows} capabilities: ${count.works} work, ${count.partly} partly, ${count.planned} planned.`;
  if (told && told.text !== sum) problems.push({ line: told.line, problem: `the sum should read "${sum}"` });
  // a page the parser does not understand must not pass for a clean one
  if (rows === 0) problems.push({ line: 0, problem: `${page} has no table of capabilities` });
  return problems;
}

if (import.meta.main) {
  const problems = checkCoverage(join(import.meta.dirname, '..', '..'));
  for (const { line, problem } of problems) console.error(`${page}:${line}: ${problem}`);
  process.exitCode = problems.length === 0 ? 0 : 1;
}
