import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const patient = { timeout: 200_000, interval: 200 };
const running: ChildProcess[] = [];

/** The example in a terminal of its own. */
function terminal(...args: string[]) {
  const child = spawn(process.execPath, ['examples/chat.ts', ...args], { cwd: root, env: process.env });
  running.push(child);
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  return {
    type: (line: string) => child.stdin.write(`${line}\n`),
    shows: (text: RegExp) => expect.poll(() => seen, patient).toMatch(text),
    ended,
  };
}

afterAll(() => {
  for (const child of running) child.kill();
});

describe('the example of a chat', () => {
  it('lets two people of the demo data talk in two terminals', async () => {
    if (!process.env.API_URL) throw new Error('API_URL is not set: run these tests with npm test');
    const word = `word${Date.now()}`;
    const renter = terminal('renter@journey.example', 'Demo Host Đà Nẵng');
    await renter.shows(/Write a line/);
    renter.type(`Chào anh, ${word} có xe không?`);
    await renter.shows(new RegExp(`^\\d+ you: Chào anh, ${word} có xe không\\?$`, 'm'));

    // opening the conversation accepts the request
    const host = terminal('host.danang@journey.example', 'Demo Renter');
    await host.shows(new RegExp(`^\\d+ Demo Renter: Chào anh, ${word} có xe không\\?$`, 'm'));
    host.type(`Có nhé ${word}`);
    await renter.shows(new RegExp(`^\\d+ Demo Host Đà Nẵng: Có nhé ${word}$`, 'm'));
    await renter.shows(/^Demo Host Đà Nẵng has read \d+$/m);
    renter.type(`/find chao ${word}`);
    await renter.shows(new RegExp(`^found \\d+: Chào anh, ${word} có xe không\\?$`, 'm'));

    renter.type('/quit');
    host.type('/quit');
    expect(await Promise.all([renter.ended, host.ended])).toEqual([0, 0]);
  });
});
