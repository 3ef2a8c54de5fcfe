// The first thing that runs, on whatever Node is there (20 or newer) and without any package: it installs
// the packages and then hands over to local/cli.ts, which runs on the Node that package.json pins.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.journey-lock');
const node = join(modules, '.bin', 'node');

function fail(what, advice) {
  process.stderr.write(`\n✗ ${what}\n  ${advice.replaceAll('\n', '\n  ')}\n`);
  process.exit(1);
}

/** The program that runs for us now, and the signal that we got while it did. */
let current;
let interrupted;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (!current) process.exit(128 + constants.signals[signal]);
    interrupted = signal;
    // At a terminal Ctrl-C reaches the program by itself; a signal sent to this process alone would not.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) current.kill(signal);
  });
}
// A terminal or pipe that was closed must not end this process before the program that it waits for.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});

/** Runs a program to its end. `said` is what it wrote to a stderr that is a pipe. */
function run(command, args, { started = () => {}, ...options } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
    let said = '';
    const end = (result) => {
      current = undefined;
      resolve({ ...result, said });
    };
    current = child;
    if (child.pid) started(child.pid);
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    child.on('error', (error) => end({ error }));
    child.on('close', (status, signal) => end({ status, signal }));
  });
}

/** Runs npm to its end, and ends with it when a signal has stopped both. */
async function npm(args, options) {
  const ran = await run('npm', args, { env: plainEnvironment(), ...options });
  if (interrupted) process.exit(128 + constants.signals[interrupted]);
  if (ran.error) fail('npm was not found.', 'Install Node 20 or newer together with npm, and start again.');
  return ran;
}

/**
 * Why the registry does not answer, or null when it does. npm ci would try for half an hour and say nothing. npm asks
 * the registry that it is set to, through the proxy that it is set to.
 */
async function registryTrouble() {
  const asked = await npm(['ping', '--fetch-retries=0', '--fetch-timeout=15000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    timeout: 20_000,
  });
  // A registry without a ping refuses it, and that is an answer too.
  if (asked.status === 0 || /code E\d{3}\b/.test(asked.said)) return null;
  const registry = spawnSync('npm', ['config', 'get', 'registry'], { cwd: root, encoding: 'utf8' });
  const code = /code (\w+)/.exec(asked.said)?.[1] ?? 'no answer within 20 s';
  return `${registry.stdout.trim()} (${code})`;
}

function lockHash() {
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
}

function runs(command, args) {
  return spawnSync(command, args, { cwd: root, stdio: 'ignore' }).status === 0;
}

/** npm hands the options of a command (`npm pack -w sdk --dry-run`) on to the commands inside it, which they would change. */
function plainEnvironment() {
  const options = /^npm_config_(workspaces?|include_workspace_root|dry_run|json|pack_destination)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !options.test(name)));
}

/** The packages that bring a program in their install script, which npm may have been told not to run. */
async function finishInstall(options) {
  const programs = [
    ['node', node, ['--version']],
    ['deno', join(modules, '.bin', 'deno'), ['--version']],
  ];
  for (const [name, file, args] of programs) {
    if (existsSync(file) && runs(file, args)) continue;
    process.stdout.write(`… finish the installation of ${name}\n`);
    await npm(['rebuild', name, '--ignore-scripts=false', '--foreground-scripts', ...options]);
    if (existsSync(file) && runs(file, args)) continue;
    fail(
      `The package "${name}" is installed, but its program does not run.`,
      `npm may be set not to run install scripts. Allow them and install again:\n  npm ci --ignore-scripts=false`,
    );
  }
}

/** Whether every package that this platform needs is there: an installation may have been cut short by anybody. */
function isComplete() {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(packages).every(
    ([path, one]) => path === '' || one.optional || one.link || existsSync(join(root, path, 'package.json')),
  );
}

function isInstalled(wanted) {
  const done = existsSync(stamp) ? readFileSync(stamp, 'utf8') : '';
  return done === wanted && existsSync(node) && isComplete();
}

/** Tells a process from a later one with the same number; empty when there is none. */
function identityOf(pid) {
  try {
    // the 22nd field is when it started; the name before it may hold blanks
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    // a killed process keeps its number until its parent collects it
    return fields[0] === 'Z' ? '' : `${pid} ${fields[19]}`;
  } catch {
    return '';
  }
}

/**
 * Keeps a second command from installing into the same folder at the same time. The lock names this process and the
 * npm that it runs, which goes on when this process is killed. It is free when none of them lives.
 */
async function lockInstallation() {
  const file = join(root, '.local', 'installing');
  mkdirSync(dirname(file), { recursive: true });
  const read = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  const lives = (holder) => holder !== '' && identityOf(holder.split(' ')[0]) === holder;
  let mine = identityOf(process.pid);
  const lock = {
    include(pid) {
      mine = `${identityOf(process.pid)}\n${identityOf(pid)}`;
      writeFileSync(file, mine);
    },
    release() {
      if (read() === mine) rmSync(file, { force: true });
    },
  };
  for (let waits = false; ; waits = true) {
    try {
      writeFileSync(file, mine, { flag: 'wx' });
      return lock;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holders = read();
    const isStale = holders.trim() === '' ? waits : !holders.split('\n').some(lives);
    if (isStale) rmSync(file, { force: true });
    else if (!waits) process.stdout.write('… wait for another command that installs the packages\n');
    await delay(500);
  }
}

async function install() {
  const wanted = lockHash();
  if (isInstalled(wanted)) return;
  const lock = await lockInstallation();
  process.on('exit', lock.release);
  if (isInstalled(wanted)) return lock.release();
  process.stdout.write('… install packages (npm ci); the first time this takes a minute or two\n');
  rmSync(stamp, { force: true });
  const began = Date.now();
  const trouble = await registryTrouble();
  const options = trouble ? ['--offline'] : [];
  if (trouble)
    process.stdout.write(`! The package registry does not answer: ${trouble}. npm's cache is tried.\n`);
  // Without "include", npm leaves out what the tests need when NODE_ENV is production.
  const how = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  const ran = await npm(['ci', ...how, ...options], { started: lock.include });
  if (ran.status !== 0 && trouble) {
    fail(
      `The package registry does not answer: ${trouble}. npm's cache does not hold every package.`,
      'Check the network, then start again. Behind a proxy, or with a registry of your own, set npm:\n' +
        '  npm config set https-proxy http://<host>:<port>\n' +
        '  npm config set registry https://<host>/\n' +
        'npm ping tells whether it works.',
    );
  }
  if (ran.status !== 0) {
    fail('The packages could not be installed.', 'npm said above why. Correct that and start again.');
  }
  await finishInstall(options);
  if (!isComplete()) {
    fail('npm left packages out.', 'Look for "omit" in what npm config list says, and start again.');
  }
  // Written last: an installation that was cut short is done again.
  writeFileSync(stamp, wanted);
  lock.release();
  process.stdout.write(`✓ install packages (${((Date.now() - began) / 1000).toFixed(0)} s)\n`);
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`This is Node ${process.versions.node}.`, 'Journey needs Node 20 or newer: https://nodejs.org');
}
await install();

const { error, status, signal } = await run(node, [join(root, 'local', 'cli.ts'), ...process.argv.slice(2)]);
if (error) fail('The stack could not be started.', error.message);
process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (status ?? 1));
