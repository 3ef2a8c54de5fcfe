/** Which lanes are to be left alone, as far as this instance has been told. */
export interface Cooldowns {
  /** Whole seconds until the lane may be asked again; 0 when it may. */
  left(lane: string): number;
  /** Whole seconds until the turn of one that waits behind the cooldown; each asks once. */
  turn(lane: string): number;
  /** Its provider refused, as it is asked too often, and named some seconds. Answers how long the lane waits now. */
  refused(lane: string, seconds: number): number;
  /** Its provider was asked and did not refuse so. */
  answered(lane: string): void;
}

interface Cooldown {
  seconds: number;
  /** In milliseconds since 1970. */
  until: number;
  /** How many wait behind it. */
  behind: number;
  /** Whether anything was answered since. */
  over: boolean;
}

// VNPay's own limit is about five minutes
const longestSeconds = 300;
// The first of those that wait come together when the cooldown is over, the others so many a second: thousands at once
// would be put off one by one again, and mails would wait meanwhile.
const firstTurns = 50;
const turnsPerSecond = 10;
const longestTurn = 3600;

/**
 * A provider that refuses again right after its cooldown is given twice as long, up to five minutes; one that answered
 * in between gets the same cooldown as before, which was long enough. Providers that do not name their limit are so
 * asked neither too early for long nor too late.
 */
export function createCooldowns(now: () => number): Cooldowns {
  const lanes = new Map<string, Cooldown>();
  const left = (lane: string): number => {
    const cooldown = lanes.get(lane);
    return cooldown === undefined ? 0 : Math.max(0, Math.ceil((cooldown.until - now()) / 1000));
  };
  return {
    left,
    turn(lane) {
      const cooldown = lanes.get(lane);
      if (cooldown === undefined) return 0;
      const later = Math.max(0, cooldown.behind - firstTurns) / turnsPerSecond;
      cooldown.behind += 1;
      return left(lane) + Math.min(Math.ceil(later), longestTurn);
    },
    refused(lane, asked) {
      // questions that were under way together hear of one and the same limit
      if (left(lane) > 0) return left(lane);
      const last = lanes.get(lane);
      const forgotten = last === undefined || last.until < now() - longestSeconds * 1000;
      const learnt = forgotten ? 0 : Math.min(last.over ? last.seconds : last.seconds * 2, longestSeconds);
      const seconds = Math.max(asked, learnt);
      lanes.set(lane, { seconds, until: now() + seconds * 1000, behind: 0, over: false });
      return seconds;
    },
    answered(lane) {
      const cooldown = lanes.get(lane);
      if (cooldown) cooldown.over = true;
    },
  };
}
