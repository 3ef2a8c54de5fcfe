import { afterEach, describe, expect, it } from 'vitest';
import type { Cluster } from '../../local/cluster/cluster.ts';
import { type Supervision, superviseCluster } from '../../local/cluster/supervise.ts';
import { createLog } from '../../local/log.ts';
import { delay } from '../../local/process.ts';

const patience = { lookMs: 10, firstPauseMs: 40, mostPauseMs: 160, steadyMs: 3_000 };

/** A server that is only a number, and starts as it is told to. */
class Server implements Cluster {
  adminUrl = '';
  url = '';
  dataDir = '';
  logFile = 'server.log';
  running: number | undefined = 1;
  /** When starts began, in milliseconds. */
  starts: number[] = [];
  underWay = 0;
  mostUnderWay = 0;
  failure: string | undefined;
  startMs = 20;
  pid = () => this.running;
  complaint = () => 'it cannot write';
  async start(signal?: AbortSignal) {
    this.starts.push(performance.now());
    this.underWay += 1;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    for (let waited = 0; waited < this.startMs && !signal?.aborted; waited += 10) await delay(10);
    this.underWay -= 1;
    if (this.failure) throw new Error(this.failure);
    this.running = 1 + this.starts.length;
  }
  async close() {
    this.running = undefined;
  }
}

let supervision: Supervision | undefined;
afterEach(() => supervision?.close());

function watch(server: Server): string[] {
  const lines: string[] = [];
  supervision = superviseCluster(
    server,
    createLog((text) => lines.push(text.trimEnd())),
    patience,
  );
  return lines;
}

describe('the supervision of the database', () => {
  it('starts a stopped server once, and logs one line', async () => {
    const server = new Server();
    server.startMs = 100;
    const lines = watch(server);
    await delay(60);
    expect(server.starts).toEqual([]);
    server.running = undefined;
    await expect.poll(() => server.running).toBe(2);
    await delay(150);
    expect(server.starts).toHaveLength(1);
    expect(lines).toEqual(['! The database stopped; it starts again with the same data.']);
  });

  it('does not start a server that somebody else is restarting', async () => {
    const server = new Server();
    let looks = 0;
    server.pid = () => (++looks === 3 ? undefined : 77);
    const lines = watch(server);
    await expect.poll(() => looks).toBeGreaterThan(6);
    expect([server.starts, lines]).toEqual([[], []]);
  });

  it('waits longer before each start of a server that cannot start, never starts two at once, and logs each reason once', async () => {
    const server = new Server();
    server.failure = 'The disk is full.';
    const lines = watch(server);
    server.running = undefined;
    await expect.poll(() => server.starts.length, { interval: 5 }).toBe(5);
    const gaps = server.starts.slice(1).map((at, i) => at - (server.starts[i] ?? 0));
    for (const [i, least] of [40, 80, 160, 160].entries()) expect(gaps[i]).toBeGreaterThanOrEqual(least);
    expect(server.mostUnderWay).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toBe('! The disk is full. It is tried again, less and less often; its log: server.log');
    server.failure = undefined;
    await expect.poll(() => server.running).toBeDefined();
    await expect.poll(() => lines.slice(2)).toEqual(['The database runs again.']);
  });

  it('waits before it restarts a server that stopped soon, and does not wait once it has run for a while', async () => {
    const server = new Server();
    const lines = watch(server);
    const die = async () => {
      const before = server.starts.length;
      const at = performance.now();
      server.running = undefined;
      await expect.poll(() => server.starts.length, { interval: 5 }).toBe(before + 1);
      await expect.poll(() => server.running, { interval: 5 }).toBeDefined();
      return (server.starts.at(-1) ?? 0) - at;
    };
    await die();
    expect(await die()).toBeGreaterThanOrEqual(40);
    expect(await die()).toBeGreaterThanOrEqual(80);
    expect(lines.filter((line) => line.includes('stopped again: it cannot write'))).toHaveLength(1);
    await delay(3_300);
    await die();
    expect(lines.filter((line) => line.includes('The database stopped; it starts'))).toHaveLength(2);
  });

  it('starts nothing after it is closed, and stops a start that is under way', async () => {
    const server = new Server();
    watch(server);
    await supervision?.close();
    server.running = undefined;
    await delay(100);
    expect(server.starts).toEqual([]);

    const slow = new Server();
    slow.startMs = 10_000;
    watch(slow);
    slow.running = undefined;
    await expect.poll(() => slow.starts.length).toBe(1);
    await supervision?.close();
    expect(slow.underWay).toBe(0);
    await delay(100);
    expect(slow.starts).toHaveLength(1);
  });
});
