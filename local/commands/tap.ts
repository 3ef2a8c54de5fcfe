/** The result of one pgTAP file. */
export interface TapCount {
  passed: number;
  failed: number;
  /** The failing lines with their diagnostics. */
  problems: string[];
}

/**
 * Counts the tests of one run. A run that stopped early, ran another number than it planned, or printed nothing
 * counts as one more failure, so that a broken file can never pass.
 */
export function countTap(output: string, exitStatus: number): TapCount {
  const count: TapCount = { passed: 0, failed: 0, problems: [] };
  let planned: number | undefined;
  for (const line of output.split('\n')) {
    const plan = /^1\.\.(\d+)/.exec(line);
    if (plan) planned = Number(plan[1]);
    if (/^ok \d+/.test(line) || /^not ok \d+.*# TODO/i.test(line)) count.passed += 1;
    else if (/^not ok \d+/.test(line)) {
      count.failed += 1;
      count.problems.push(line);
    } else if (line.startsWith('#')) count.problems.push(line);
  }
  const ran = count.passed + count.failed;
  if (exitStatus !== 0) {
    count.failed += 1;
    count.problems.push(`psql ended with status ${exitStatus}`);
  } else if (planned === undefined || planned !== ran) {
    count.failed += 1;
    count.problems.push(`planned ${planned ?? 'nothing'}, ran ${ran}`);
  }
  return count;
}
