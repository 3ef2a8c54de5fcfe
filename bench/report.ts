import { availableParallelism, cpus, loadavg } from 'node:os';

/** One measured number next to what it is compared with. */
export interface Measurement {
  name: string;
  value: number;
  unit: string;
  baseline: number;
  /** value / baseline. */
  ratio: number;
  /** What the ratio has to be. */
  goal: string;
  ok: boolean;
}

/** What one run found, as `--json` writes it. */
export interface Run {
  day: string;
  machine: string;
  /** The load average before the start. */
  load: number;
  quick: boolean;
  measurements: Measurement[];
}

/** Compares a value with its baseline: the ratio has to reach `atLeast`, or stay under `below`. */
export function measurement(
  name: string,
  unit: string,
  value: number,
  baseline: number,
  goal: { atLeast: number } | { below: number },
): Measurement {
  const ratio = value / baseline;
  const ok = 'atLeast' in goal ? ratio >= goal.atLeast : ratio < goal.below;
  const text = 'atLeast' in goal ? `>= ${goal.atLeast}` : `< ${goal.below}`;
  return { name, value, unit, baseline, ratio, goal: text, ok };
}

/** The value below which a share of the samples lies. */
export function quantile(samples: number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const low = sorted[Math.floor(at)] ?? Number.NaN;
  const high = sorted[Math.ceil(at)] ?? Number.NaN;
  return low + (high - low) * (at - Math.floor(at));
}

export function median(samples: number[]): number {
  return quantile(samples, 0.5);
}

/** Measures candidate and baseline in turns, so that both meet the same noise; returns the medians. */
export async function inTurns(
  rounds: number,
  candidate: (round: number) => Promise<number>,
  baseline: (round: number) => Promise<number>,
  say: (text: string) => void,
): Promise<[candidate: number, baseline: number]> {
  const found: [number[], number[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    const one = await candidate(round);
    const other = await baseline(round);
    found[0].push(one);
    found[1].push(other);
    say(`  round ${round}: ${format(one)} against ${format(other)} a second (${format(one / other)})`);
  }
  return [median(found[0]), median(found[1])];
}

export function format(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en');
  return value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2);
}

/** What the numbers were measured on; ratios travel better than they do. */
export function machine(): { machine: string; load: number } {
  const model = cpus()[0]?.model.trim() ?? 'unknown';
  return { machine: `${availableParallelism()} cores (${model})`, load: loadavg()[0] ?? 0 };
}

/** The measurements as a table for a terminal. */
export function table(measurements: Measurement[]): string {
  const rows = measurements.map((one) => [
    one.name,
    `${format(one.value)} ${one.unit}`,
    `${format(one.baseline)} ${one.unit}`,
    format(one.ratio),
    one.goal,
    one.ok ? 'yes' : 'NO',
  ]);
  return columns([['', 'measured', 'baseline', 'ratio', 'goal', 'met'], ...rows]);
}

/** Counted instructions of one transaction, in thousands. */
export function countTable(counts: { name: string; instructions: number }[]): string {
  return columns([
    ['', 'thousand instructions'],
    ...counts.map(({ name, instructions }) => [name, format(instructions / 1000)]),
  ]);
}

function columns(all: string[][]): string {
  const widths = all[0]?.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0))) ?? [];
  return all
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
        .join('  '),
    )
    .join('\n');
}
