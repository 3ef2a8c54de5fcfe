import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { dataPlace } from '../cluster/owner.ts';
import { apiUrl, databaseUrl, loadConfig, mailUrl, type StackConfig, sandboxUrl } from '../config.ts';
import { type StackEnvironment, stackEnvironment } from '../environment.ts';
import { functionsLog } from '../functions/host.ts';
import { createLog, type Log } from '../log.ts';
import { importIfThere } from '../optional.ts';
import { type Stack, type StackOptions, startStack } from '../stack.ts';

interface TourModule {
  runTour(environment: StackEnvironment): Promise<boolean>;
}

/** Resolves at the first stop signal. The sixth signal ends the process at once. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let seen = 0;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () => {
        seen += 1;
        if (seen > 5) process.exit(130);
        resolve();
      });
    }
  });
}

/** The addresses of all parts, for people. */
export function describe(config: StackConfig): string {
  return [
    '',
    `  API              ${apiUrl(config)}`,
    `  Database         ${databaseUrl(config)}`,
    `  Its data         ${dataPlace(config)}`,
    `  Mail             ${mailUrl(config)}`,
    `  Payment sandbox  ${sandboxUrl(config)}`,
    `  Function logs    ${functionsLog(config)}`,
    `  Publishable key  ${config.publishableKey}`,
    `  Secret key       ${config.secretKey}`,
    '',
  ].join('\n');
}

/** Starts a stack, unless a signal comes first: then stops whatever was started. */
export async function startOrStop(
  config: StackConfig,
  stopped: Promise<void>,
  options: Omit<StackOptions, 'signal'>,
): Promise<Stack | null> {
  const { log } = options;
  const early = new AbortController();
  const starting = startStack(config, { ...options, signal: early.signal });
  const stack = await Promise.race([starting, stopped.then(() => null)]);
  if (stack) return stack;
  log.info('Stopping …');
  early.abort();
  await starting.then(
    (late) => late.stop(),
    () => {},
  );
  return null;
}

async function tour(config: StackConfig, log: Log): Promise<boolean | null> {
  const module = await importIfThere<TourModule>('local/tour/run.ts');
  if (!module) {
    log.info('There is no tour in this version.');
    return null;
  }
  return module.runTour(stackEnvironment(config));
}

/** `npm start`: set up, show the tour once, stay until Ctrl-C. */
export async function start(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { 'tour-only': { type: 'boolean' }, tour: { type: 'boolean' }, 'no-tour': { type: 'boolean' } },
  });
  const log = createLog();
  const stopped = stopSignal();
  const config = loadConfig('dev');
  const stack = await startOrStop(config, stopped, { log, watch: true });
  if (!stack) return 130;
  const seen = join(config.dir, 'tour-seen');
  const wanted = values['tour-only'] || values.tour || (!values['no-tour'] && !existsSync(seen));
  let status = 0;
  try {
    if (wanted) {
      const well = await Promise.race([tour(config, log), stopped.then(() => null)]);
      if (well === true) writeFileSync(seen, '');
      if (well === false)
        log.info('✗ The tour did not come to its end; the lines above say where it stopped.');
      if (values['tour-only'] && well !== true) status = 1;
    }
    if (!values['tour-only']) {
      log.info(describe(config));
      log.info('The stack runs. Ctrl-C stops it; the data stays.');
      await stopped;
    }
  } catch (error) {
    console.error(error);
    status = 1;
  }
  log.info('Stopping …');
  await stack.stop();
  return status;
}
