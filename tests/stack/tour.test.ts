import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Narrator } from '../../local/tour/narrator.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
});

describe('the tour on a slow machine', () => {
  const happensAfter = (milliseconds: number) => {
    const began = performance.now();
    return async () => performance.now() - began >= milliseconds;
  };

  it('waits four minutes for what happens elsewhere', async () => {
    const seen = new Narrator(() => {}).wait('the mail is there', happensAfter(240_000));
    await vi.advanceTimersByTimeAsync(250_000);
    expect(await seen).toBe(true);
  });

  it('ends when it never happens, and says what was missing', async () => {
    const seen = new Narrator(() => {}).wait('the mail is there', happensAfter(Number.POSITIVE_INFINITY));
    const refused = expect(seen).rejects.toThrow('the mail is there: not seen within 300 s');
    await vi.advanceTimersByTimeAsync(310_000);
    await refused;
  });
});
