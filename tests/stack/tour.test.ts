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

describe('what goes on', () => {
  const written = (isTerminal: boolean) => {
    const parts: string[] = [];
    const tell = new Narrator((text) => parts.push(text), isTerminal);
    return { tell, text: () => parts.join('') };
  };

  it('is one line of a terminal, which the next thing that is said leaves there', () => {
    const { tell, text } = written(true);
    tell.live('sold 99');
    tell.live('sold 9');
    tell.say('sold out');
    expect(text()).toBe('\r   sold 99\r   sold 9 \n   sold out\n');
  });

  it('is a line every few seconds elsewhere, when it has changed', async () => {
    const { tell, text } = written(false);
    for (const [sold, ms] of [
      [1, 1000],
      [2, 4000],
      [3, 4000],
      [3, 4000],
    ] as const) {
      tell.live(`sold ${sold}`);
      await vi.advanceTimersByTimeAsync(ms);
    }
    expect(text()).toBe('   sold 1\n   sold 3\n');
  });
});
