/** Which providers and settings are cooling down, as far as this instance knows. A key names one of them. */
export interface Cooldowns {
  /** Whole seconds until calls are allowed again; 0 when they are. */
  remaining(key: string): number;
  /** Whole seconds until the turn of a row that waits behind the cooldown. Each row asks once. */
  nextTurn(key: string): number;
  /** The provider refused a call for some seconds, because it is rate limited. Answers how long the cooldown lasts now. */
  refused(key: string, seconds: number): number;
  /** The provider answered a call. */
  answered(key: string): void;
}

interface Cooldown {
  seconds: number;
  /** In milliseconds since 1970. */
  until: number;
  /** How many rows wait behind it. */
  behind: number;
  /** Whether a call was answered since. */
  over: boolean;
}

// VNPay's own limit is about five minutes
const longestSeconds = 300;
// The first rows that wait come together when the cooldown is over, the others at this rate. If thousands came at
// once, most would be deferred again one by one, and mails would wait in the meantime.
const firstTurns = 50;
const turnsPerSecond = 10;
const longestTurn = 3600;

/**
 * The cooldown doubles, up to five minutes, when a provider refuses right after it. It stays the same when the
 * provider answered in between, because then it was long enough. So a provider that does not name its limit is soon
 * called neither too early nor too late.
 */
export function createCooldowns(now: () => number): Cooldowns {
  const cooldowns = new Map<string, Cooldown>();
  const remaining = (key: string): number => {
    const cooldown = cooldowns.get(key);
    return cooldown === undefined ? 0 : Math.max(0, Math.ceil((cooldown.until - now()) / 1000));
  };
  return {
    remaining,
    nextTurn(key) {
      const cooldown = cooldowns.get(key);
      if (cooldown === undefined) return 0;
      const extra = Math.max(0, cooldown.behind - firstTurns) / turnsPerSecond;
      cooldown.behind += 1;
      return remaining(key) + Math.min(Math.ceil(extra), longestTurn);
    },
    refused(key, seconds) {
      // calls that ran at the same time met one and the same limit
      if (remaining(key) > 0) return remaining(key);
      const last = cooldowns.get(key);
      const forgotten = last === undefined || last.until < now() - longestSeconds * 1000;
      const learnt = forgotten ? 0 : Math.min(last.over ? last.seconds : last.seconds * 2, longestSeconds);
      const length = Math.max(seconds, learnt);
      cooldowns.set(key, { seconds: length, until: now() + length * 1000, behind: 0, over: false });
      return length;
    },
    answered(key) {
      const cooldown = cooldowns.get(key);
      if (cooldown) cooldown.over = true;
    },
  };
}
