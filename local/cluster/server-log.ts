import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The log of a data folder's server since its last start. */
export function serverLog(dataDir: string): string {
  return join(dataDir, 'server.log');
}

/** The last lines of the server's log, for people. */
export function serverLogTail(dataDir: string, lines: number): string {
  const file = serverLog(dataDir);
  if (!existsSync(file)) return '(no server log)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

// Messages about single connections: they follow from an outage and do not explain it.
const consequence =
  /starting up|shutting down|not yet accepting|in recovery mode|postmaster exit|terminating|authentication failed/;

/** Why the server ended or did not start, in its own words, if the log says so. */
export function lastComplaint(dataDir: string): string | undefined {
  const said = serverLogTail(dataDir, 200).split('\n');
  const complaints = said.map((line) => /\b(?:PANIC|FATAL):\s+(.*)/.exec(line)?.[1]);
  return complaints.findLast((text) => text !== undefined && !consequence.test(text));
}
