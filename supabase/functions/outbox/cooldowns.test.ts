import { describe, expect, it } from 'vitest';
import { createCooldowns } from './cooldowns.ts';

function setUp() {
  const clock = { now: 1_000_000 };
  const cooldowns = createCooldowns(() => clock.now);
  const pass = (seconds: number): void => {
    clock.now += seconds * 1000;
  };
  return { cooldowns, pass };
}

/** How long each of some refusals makes a provider wait, one right after the cooldown of another. */
function inARow(count: number, seconds: number): number[] {
  const { cooldowns, pass } = setUp();
  return Array.from({ length: count }, () => {
    const waits = cooldowns.refused('vnpay', seconds);
    pass(waits);
    return waits;
  });
}

describe('the cooldown of a provider', () => {
  it('lasts as long as the provider asks for, and concerns no other provider', () => {
    const { cooldowns, pass } = setUp();
    expect(cooldowns.remaining('vnpay')).toBe(0);
    expect(cooldowns.refused('vnpay', 7)).toBe(7);
    expect([cooldowns.remaining('vnpay'), cooldowns.remaining('momo')]).toEqual([7, 0]);
    pass(6.5);
    expect(cooldowns.remaining('vnpay')).toBe(1);
    pass(0.5);
    expect(cooldowns.remaining('vnpay')).toBe(0);
  });

  it('doubles while nothing is answered, up to five minutes or what the provider asks for', () => {
    expect(inARow(9, 2)).toEqual([2, 4, 8, 16, 32, 64, 128, 256, 300]);
    expect(inARow(2, 1200)).toEqual([1200, 1200]);
  });

  it('stays as it is once it was long enough for an answer', () => {
    const { cooldowns, pass } = setUp();
    for (const expected of [2, 4, 4, 4]) {
      expect(cooldowns.refused('vnpay', 2)).toBe(expected);
      pass(expected);
      if (expected === 4) cooldowns.answered('vnpay');
    }
  });

  it('is short again after five quiet minutes', () => {
    const { cooldowns, pass } = setUp();
    for (const expected of [2, 4, 8]) {
      expect(cooldowns.refused('vnpay', 2)).toBe(expected);
      pass(expected);
    }
    pass(300);
    expect(cooldowns.refused('vnpay', 2)).toBe(16);
    pass(16 + 301);
    expect(cooldowns.refused('vnpay', 2)).toBe(2);
  });

  it('is one for queries that ran at the same time', () => {
    const { cooldowns, pass } = setUp();
    expect(cooldowns.refused('vnpay', 4)).toBe(4);
    pass(1);
    expect(cooldowns.refused('vnpay', 4)).toBe(3);
    pass(3);
    expect(cooldowns.remaining('vnpay')).toBe(0);
    expect(cooldowns.refused('vnpay', 4)).toBe(8);
  });

  it('lets the first fifty of those behind it come together, and then ten a second', () => {
    const { cooldowns, pass } = setUp();
    expect(cooldowns.nextTurn('vnpay')).toBe(0);
    cooldowns.refused('vnpay', 8);
    const turns = Array.from({ length: 72 }, () => cooldowns.nextTurn('vnpay'));
    expect(turns).toEqual(
      [8, 9, 10, 11].flatMap((second, i) => Array(i === 0 ? 51 : i === 3 ? 1 : 10).fill(second)),
    );
    for (let i = 0; i < 50_000; i += 1) cooldowns.nextTurn('vnpay');
    expect(cooldowns.nextTurn('vnpay')).toBe(3608);
    pass(8);
    cooldowns.refused('vnpay', 8);
    expect(cooldowns.nextTurn('vnpay')).toBe(16);
  });
});
