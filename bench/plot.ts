import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { format, type Measurement, type Run } from './report.ts';

/** One bar of a chart. */
interface Bar {
  label: string;
  value: number;
  text: string;
  /** Drawn pale: what the bar above is compared with. */
  isBaseline: boolean;
}

const width = 760;
const labelWidth = 300;
const barHeight = 18;
const gap = 8;
const head = 44;

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** A chart of horizontal bars as SVG. `mark` is a line across all of them, with its name. */
export function barChart(title: string, bars: Bar[], mark?: { value: number; name: string }): string {
  const most = Math.max(...bars.map((bar) => bar.value), mark?.value ?? 0) || 1;
  const scale = (value: number) => (value / most) * (width - labelWidth - 110);
  const height = head + bars.length * (barHeight + gap) + (mark ? 22 : 6);
  const lines = bars.map((bar, i) => {
    const y = head + i * (barHeight + gap);
    const fill = bar.isBaseline ? '#b9c4cf' : '#2f6fab';
    return [
      `<text x="${labelWidth - 10}" y="${y + 13}" text-anchor="end">${escaped(bar.label)}</text>`,
      `<rect x="${labelWidth}" y="${y}" width="${Math.max(1, scale(bar.value)).toFixed(1)}" height="${barHeight}" rx="2" fill="${fill}"/>`,
      `<text x="${(labelWidth + scale(bar.value) + 6).toFixed(1)}" y="${y + 13}">${escaped(bar.text)}</text>`,
    ].join('\n');
  });
  const x = mark ? (labelWidth + scale(mark.value)).toFixed(1) : '';
  const line = mark
    ? [
        `<line x1="${x}" x2="${x}" y1="${head - 8}" y2="${height - 18}" stroke="#c2452d" stroke-dasharray="4 3"/>`,
        `<text x="${x}" y="${height - 4}" text-anchor="middle" fill="#c2452d">${escaped(mark.name)}</text>`,
      ]
    : [];
  return `${[
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="system-ui, sans-serif" font-size="12" fill="#222">`,
    `<title>${escaped(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    `<text x="12" y="24" font-size="15" font-weight="600">${escaped(title)}</text>`,
    ...lines,
    ...line,
    '</svg>',
  ].join('\n')}\n`;
}

/** The charts of a run: one for each unit, with each measurement above what it is compared with. */
function chartsOf(run: Run): [unit: string, svg: string][] {
  const units = [...new Set(run.measurements.map((one) => one.unit))];
  return units.map((unit) => {
    const some = run.measurements.filter((one) => one.unit === unit);
    const same = new Set(some.map((one) => one.baseline)).size === 1 && some.length > 1;
    const bars = some.flatMap((one): Bar[] => [
      { label: one.name, value: one.value, text: format(one.value), isBaseline: false },
      ...(same ? [] : [{ label: '', value: one.baseline, text: format(one.baseline), isBaseline: true }]),
    ]);
    const mark = same ? { value: some[0]?.baseline ?? 0, name: format(some[0]?.baseline ?? 0) } : undefined;
    return [unit, barChart(unit, bars, mark)];
  });
}

/** Above this load before the start, other work was on the machine. */
const quietLoad = 1;

/** How far a run may be trusted. */
function standing(run: Run): string {
  const reasons = [
    ...(run.quick ? ['little data and short rounds'] : []),
    ...(run.load > quietLoad ? [`a load of ${run.load.toFixed(1)} before the start`] : []),
  ];
  if (reasons.length === 0) return 'A whole run on a quiet machine.';
  return `**Not a result**: ${reasons.join(' and ')}. It shows that everything runs, not how fast.`;
}

function row(one: Measurement): string {
  const judged = one.goal === '>= 0' ? ['', ''] : [one.goal.replace('>=', '≥'), one.ok ? 'yes' : '**no**'];
  const cells = [
    one.name,
    `${format(one.value)} ${one.unit}`,
    format(one.baseline),
    format(one.ratio),
    ...judged,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** Draws the charts of a run beside its JSON, and answers its part of docs/benchmarks.md. */
function drawRun(file: string): string {
  const run = JSON.parse(readFileSync(file, 'utf8')) as Run;
  const name = basename(file, '.json');
  const images = chartsOf(run).map(([unit, svg]) => {
    const image = `${name}-${unit.replace(/[^a-z]+/gi, '-').toLowerCase()}.svg`;
    writeFileSync(join(dirname(file), image), svg);
    return `![${name}: ${unit}](${basename(dirname(file))}/${image})`;
  });
  return [
    `## ${name}`,
    '',
    `${standing(run)} ${run.day}, ${run.machine}.`,
    '',
    '| | measured | baseline | ratio | goal | met |',
    '| --- | ---: | ---: | ---: | ---: | --- |',
    ...run.measurements.map(row),
    '',
    images.join('\n\n'),
  ].join('\n');
}

const begin = '<!-- runs: written by npm run bench -- --plot -->';

/** `--plot`: draws what the given files of `--json` hold, and writes docs/benchmarks.md around them. */
export function plot(files: string[], page: string): void {
  const kept = readFileSync(page, 'utf8').split(begin)[0]?.trimEnd() ?? '';
  const runs = files.map((file) => drawRun(resolve(file)));
  writeFileSync(page, `${[kept, begin, ...runs].join('\n\n')}\n`);
}
