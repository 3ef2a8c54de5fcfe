// The first thing that runs, on whatever Node is there (20 or newer) and without any package: it installs
// the packages and then hands over to local/cli.ts, which runs on the Node that package.json pins.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(root, 'node_modules');
const stamp = join(modules, '.journey-lock');
const node = join(modules, '.bin', 'node');

function fail(what, advice) {
  process.stderr.write(`\n✗ ${what}\n  ${advice.replaceAll('\n', '\n  ')}\n`);
  process.exit(1);
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
function finishInstall() {
  const programs = [
    ['node', node, ['--version']],
    ['deno', join(modules, '.bin', 'deno'), ['--version']],
  ];
  for (const [name, file, args] of programs) {
    if (existsSync(file) && runs(file, args)) continue;
    process.stdout.write(`… finish the installation of ${name}\n`);
    spawnSync('npm', ['rebuild', name, '--ignore-scripts=false', '--foreground-scripts'], {
      cwd: root,
      env: plainEnvironment(),
      stdio: 'inherit',
    });
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
    return `${pid} ${fields[19]}`;
  } catch {
    return '';
  }
}

/** Keeps a second command from installing into the same folder at the same time. Answers the release. */
function lockInstallation() {
  const file = join(root, '.local', 'installing');
  mkdirSync(dirname(file), { recursive: true });
  const mine = identityOf(process.pid);
  const read = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  for (let waits = false; ; waits = true) {
    try {
      writeFileSync(file, mine, { flag: 'wx' });
      return () => {
        if (read() === mine) rmSync(file, { force: true });
      };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = read();
    const isStale = holder === '' ? waits : identityOf(holder.split(' ')[0]) !== holder;
    if (isStale) rmSync(file, { force: true });
    else if (!waits) process.stdout.write('… wait for another command that installs the packages\n');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
  }
}

function install() {
  const wanted = lockHash();
  if (isInstalled(wanted)) return;
  const release = lockInstallation();
  process.on('exit', release);
  if (isInstalled(wanted)) return release();
  process.stdout.write('… install packages (npm ci); the first time this takes a minute or two\n');
  rmSync(stamp, { force: true });
  const began = Date.now();
  const ran = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env: plainEnvironment(),
    stdio: 'inherit',
  });
  if (ran.error) fail('npm was not found.', 'Install Node 20 or newer together with npm, and start again.');
  if (ran.status !== 0)
    fail('The packages could not be installed.', 'npm said above why. Correct that and start again.');
  finishInstall();
  mkdirSync(modules, { recursive: true });
  // Written last: an installation that was cut short is done again.
  writeFileSync(stamp, wanted);
  release();
  process.stdout.write(`✓ install packages (${((Date.now() - began) / 1000).toFixed(0)} s)\n`);
}

if (Number(process.versions.node.split('.')[0]) < 20) {
  fail(`This is Node ${process.versions.node}.`, 'Journey needs Node 20 or newer: https://nodejs.org');
}
install();

const child = spawn(node, [join(root, 'local', 'cli.ts'), ...process.argv.slice(2)], {
  cwd: root,
  stdio: 'inherit',
});
// At a terminal Ctrl-C reaches the child by itself; a signal sent to this process alone would not.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on('error', (error) => fail('The stack could not be started.', error.message));
child.on('exit', (code, signal) =>
  process.exit(signal ? 128 + (constants.signals[signal] ?? 0) : (code ?? 1)),
);
