import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What the server of a data folder prints, since its last start. */
export function serverLog(dataDir: string): string {
  return join(dataDir, 'server.log');
}

/** The last lines of the server's log, for people. */
export function serverLogTail(dataDir: string, lines: number): string {
  const file = serverLog(dataDir);
  if (!existsSync(file)) return '(no server log)';
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
}

// Said of single connections: it follows from an outage, and explains none.
const consequence =
  /starting up|shutting down|not yet accepting|in recovery mode|postmaster exit|terminating|authentication failed/;

/** Why the server ended or did not start, in its own words, if it said so. */
export function lastComplaint(dataDir: string): string | undefined {
  const said = serverLogTail(dataDir, 200).split('\n');
  const complaints = said.map((line) => /\b(?:PANIC|FATAL):\s+(.*)/.exec(line)?.[1]);
  return complaints.findLast((text) => text !== undefined && !consequence.test(text));
}
