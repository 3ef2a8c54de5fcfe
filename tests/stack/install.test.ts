import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Clone, packages } from './clone.ts';

/**
 * Stands for npm: writes what it does to npm.log, and goes on with an installation when there is a file `go`. It
 * complains when another installation is under way, which would end with a broken folder.
 */
const npm = `
const { appendFileSync, existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const [command] = process.argv.slice(2);
const log = (text) => appendFileSync('npm.log', text + '\\n');
if (command === 'ci') {
  log(existsSync('npm-runs') ? 'TWO AT ONCE' : 'begins');
  writeFileSync('npm-runs', '');
  rmSync('node_modules', { recursive: true, force: true });
  mkdirSync('node_modules/.bin', { recursive: true });
  for (const name of ['node', 'deno']) symlinkSync(process.execPath, 'node_modules/.bin/' + name);
  const timer = setInterval(() => {
    if (!existsSync('go')) return;
    clearInterval(timer);
    for (const name of ${JSON.stringify(packages)}) {
      if (existsSync('leave-out-' + name)) continue;
      mkdirSync('node_modules/' + name, { recursive: true });
      writeFileSync('node_modules/' + name + '/package.json', '{}');
    }
    rmSync('npm-runs');
    log('ends');
  }, 20);
}
`;

let clone: Clone;
beforeEach(() => {
  clone = new Clone(Object.fromEntries(packages.map((name) => [name, { version: '1.0.0' }])));
  clone.pretend('npm', npm);
});
afterEach(() => {
  // an npm whose launcher was killed waits for it
  clone.write('go', '');
  clone.close();
});

const ran = () => clone.read('npm.log').trim().split('\n');
const isInstalling = () => expect.poll(() => clone.has('node_modules/.bin/deno')).toBe(true);

describe('the installation of the packages', () => {
  it('is done once for two commands that start at once, and both go on', async () => {
    const both = [clone.launch(), clone.launch()];
    await isInstalling();
    await expect.poll(() => both.some((one) => one.said().includes('wait for another command'))).toBe(true);
    clone.write('go', '');
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([0, 0]);
    for (const one of both) expect(one.said()).toContain('the command runs');
    expect(ran()).toEqual(['begins', 'ends']);
    expect(clone.has('.local/installing')).toBe(false);
  });

  it('is done again after its command was killed, and not before the npm it left has ended', async () => {
    const killed = clone.launch();
    await isInstalling();
    killed.process.kill('SIGKILL');
    await killed.ended;
    const next = clone.launch();
    await expect.poll(next.said).toContain('wait for another command');
    clone.write('go', '');
    expect(await next.ended).toBe(0);
    expect(next.said()).toContain('the command runs');
    expect(ran()).toEqual(['begins', 'ends', 'begins', 'ends']);
  });

  it('ends npm with it when its command is stopped, and is done again', async () => {
    const stopped = clone.launch();
    await isInstalling();
    stopped.process.kill('SIGTERM');
    expect(await stopped.ended).toBe(143);
    clone.remove('npm-runs');
    clone.write('go', '');
    const next = clone.launch();
    expect(await next.ended).toBe(0);
    expect(next.said()).toContain('the command runs');
    expect(ran()).toEqual(['begins', 'begins', 'ends']);
  });

  it('is not done again when it is whole', async () => {
    clone.write('go', '');
    expect(await clone.launch().ended).toBe(0);
    expect(await clone.launch().ended).toBe(0);
    expect(ran()).toEqual(['begins', 'ends']);
  });

  it('is done again when a package is gone, or another lock file is there', async () => {
    clone.write('go', '');
    await clone.launch().ended;
    clone.remove('node_modules/leaf');
    expect(await clone.launch().ended).toBe(0);
    expect(clone.has('node_modules/leaf/package.json')).toBe(true);
    clone.write('package-lock.json', `${clone.read('package-lock.json')}\n`);
    expect(await clone.launch().ended).toBe(0);
    expect(ran().filter((line) => line === 'begins')).toHaveLength(3);
  });

  it('is refused when npm left a package out, instead of starting without it', async () => {
    clone.write('go', '');
    clone.write('leave-out-leaf', '');
    const first = clone.launch();
    expect(await first.ended).toBe(1);
    expect(first.said()).toContain('✗ npm left packages out.');
    clone.remove('leave-out-leaf');
    expect(await clone.launch().ended).toBe(0);
  });

  it.each([
    ['a process that has ended', '4194305 1'],
    ['another process with the same number', `${process.pid} 1`],
    ['nobody, since its writer was killed', ''],
  ])('does not wait for a lock of %s', async (_whose, holder) => {
    clone.write('go', '');
    await clone.launch().ended;
    clone.remove('node_modules');
    clone.write('.local/installing', holder);
    const next = clone.launch();
    expect(await next.ended).toBe(0);
    expect(next.said()).toContain('the command runs');
  });
});
