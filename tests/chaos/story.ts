import type { NotifyPlan } from '../../local/sandbox/delivery.ts';
import type { PaymentProvider } from '../../sdk/src/index.ts';
import type { Random } from './random.ts';

export const rails = ['vnpay', 'momo', 'zalopay', 'payos', 'stripe', 'vietqr'] as const;

/** One thing a payer does at a provider, and how the provider tells of it. */
export interface Act {
  outcome: 'success' | 'cancel' | 'insufficient_funds' | 'expire' | 'pending';
  /** Of an attempt that has ended there, or waits. */
  again?: boolean;
  /** Other than what is asked for, on rails where the payer chooses. */
  sum?: 'part' | 'rest' | 'over' | 'once_more';
  /** What banks do to the message of a transfer. */
  messageChange?: string;
  notify: NotifyPlan;
}

/**
 * What becomes of the hold before money comes: `overdue` is past its deadline and nobody has tidied, `stolen`
 * is held by somebody else by then; `suspended` is of a vehicle that is suspended for a while, `unlicensed` of a renter
 * who has no licence for a while.
 */
export type Hold = 'live' | 'overdue' | 'expired' | 'stolen' | 'cancelled' | 'suspended' | 'unlicensed';

/**
 * What becomes of a paid trip: `alone` is recorded by the host, and the renter says nothing; to `late` the renter agrees
 * after the time to answer; `objected` is what the host says to the check-in; `nobody` records anything; `suspended`
 * is a trip whose vehicle is suspended before it, and whose renter cancels.
 */
export const trips = ['alone', 'late', 'objected', 'nobody', 'suspended'] as const;
export type Trip = (typeof trips)[number];

/** A try at paying by one rail. */
export interface Try {
  provider: PaymentProvider;
  acts: Act[];
  /** What reached us is told again at the end, in another order. */
  toldAgain: NotifyPlan | null;
}

/** One payment, from its booking to the last rumour about it. */
export interface Story {
  number: number;
  tries: Try[];
  /** Each try begins when the one before has paid its part, so it asks for what is missing. Otherwise all at once. */
  inTurn: boolean;
  hold: Hold;
  /** What the payer waits before the first act. */
  pauseMs: number;
  /** Starts are sent twice at once, as by an impatient finger. */
  doubleStart: boolean;
  trip: Trip | null;
  /** A confirmed booking is given back. */
  regret: boolean;
  /** The payer's bank takes nothing back. */
  rejects: boolean;
}

const readable = ['prefix', 'plain', 'no_spaces', 'lower_case', 'broken', 'dotted', 'doubled'] as const;

function heard(random: Random): NotifyPlan {
  return random.weighted<NotifyPlan>([
    [5, {}],
    [2, { times: random.whole(2, 5) }],
    [2, { delayMs: random.whole(20, 2_500) }],
    [1, { delayMs: random.whole(20, 1_500), times: random.whole(2, 4) }],
    [1, { beforeReturn: false }],
  ]);
}

function anyhow(random: Random): NotifyPlan {
  return random.weighted<NotifyPlan>([
    [62, heard(random)],
    [14, { never: true }],
    [5, { tamper: true, times: random.whole(1, 2) }],
    [5, { wrongSecret: true }],
    [5, { foreignMerchant: true }],
    [6, { wrongAmount: true, times: random.whole(1, 2) }],
    [3, { wrongAmount: true, delayMs: random.whole(20, 1_500) }],
  ]);
}

function transferActs(random: Random, provider: 'payos' | 'vietqr'): Act[] | null {
  const act = (sum: Act['sum'], notify: NotifyPlan): Act => ({ outcome: 'success', sum, notify });
  const told = (): NotifyPlan => anyhow(random);
  return random.weighted<Act[] | null>([
    [55, null],
    [8, [act('part', told())]],
    [14, [act('part', told()), act('rest', told())]],
    [9, [act('over', told())]],
    [
      7,
      [
        { outcome: 'success', notify: told() },
        { ...act('once_more', told()), again: provider === 'payos' },
      ],
    ],
    [
      7,
      provider === 'vietqr'
        ? [{ outcome: 'success', messageChange: random.pick(['lost', 'cut']), notify: told() }]
        : null,
    ],
  ]);
}

function actsOf(random: Random, provider: PaymentProvider): Act[] {
  const success = (again = false): Act => ({ outcome: 'success', again, notify: anyhow(random) });
  const says = (outcome: Act['outcome']): Act => ({ outcome, notify: anyhow(random) });
  if (provider === 'payos' || provider === 'vietqr') {
    const chosen = transferActs(random, provider);
    if (chosen) return chosen;
  }
  const canWait = provider !== 'vnpay';
  const acts = random.weighted<Act[]>([
    [52, [success()]],
    [5, [says('cancel')]],
    [5, [says('insufficient_funds')]],
    [4, [says('expire')]],
    [7, []],
    [10, [says('insufficient_funds'), success(true)]],
    [4, [says(provider === 'stripe' ? 'cancel' : 'expire'), success(true)]],
    [canWait ? 7 : 0, [says('pending'), success(true)]],
    [canWait ? 3 : 0, [says('pending'), { ...says('insufficient_funds'), again: true }]],
    [canWait ? 2 : 0, [says('pending')]],
  ]);
  if (provider !== 'vietqr') return acts;
  // a transfer that was refused is not taken up again, the next one is another
  const waits = acts[0]?.outcome === 'pending';
  return acts.map((act) => ({
    ...act,
    again: act.again === true && waits,
    messageChange: random.pick(readable),
  }));
}

function tryBy(random: Random, provider: PaymentProvider): Try {
  const acts = actsOf(random, provider);
  const toldAgain = random.chance(0.3) ? anyhow(random) : null;
  return { provider, acts, toldAgain };
}

/** Two or three tries that pay one booking together: in turn by any rail, or at once by the two where the payer chooses. */
function inParts(random: Random): Pick<Story, 'tries' | 'inTurn'> {
  const inTurn = random.chance(0.65);
  const [one, two] = random.pick([['payos', 'vietqr'] as const, ['vietqr', 'payos'] as const]);
  const pay = (provider: PaymentProvider, sum?: Act['sum']): Try => ({
    provider,
    acts: [{ outcome: 'success', sum, notify: random.chance(0.8) ? heard(random) : anyhow(random) }],
    toldAgain: random.chance(0.3) ? anyhow(random) : null,
  });
  if (!inTurn) return { inTurn, tries: [pay(one, 'part'), pay(two, 'rest')] };
  const between = random.chance(0.3) ? [pay(two, 'part')] : [];
  return { inTurn, tries: [pay(one, 'part'), ...between, pay(random.pick(rails))] };
}

function inOne(random: Random, number: number): Pick<Story, 'tries' | 'inTurn'> {
  const provider = rails[number % rails.length] ?? 'vnpay';
  const tries = [tryBy(random, provider)];
  if (random.chance(0.15)) {
    const rival = tryBy(random, random.pick(rails.filter((rail) => rail !== provider)));
    // both are paid in earnest, at about the same time
    const paid: Act = { outcome: 'success', notify: heard(random) };
    if (random.chance(0.7)) for (const one of [...tries, rival]) one.acts = [{ ...paid }];
    tries.push(rival);
  }
  return { inTurn: false, tries };
}

/** The story of one payment. */
export function writeStory(random: Random, number: number): Story {
  return {
    number,
    ...(random.chance(0.15) ? inParts(random) : inOne(random, number)),
    hold: random.weighted<Hold>([
      [68, 'live'],
      [7, 'overdue'],
      [8, 'expired'],
      [6, 'stolen'],
      [5, 'cancelled'],
      [3, 'suspended'],
      [3, 'unlicensed'],
    ]),
    pauseMs: random.chance(0.15) ? random.whole(100, 3_000) : 0,
    doubleStart: random.chance(0.08),
    // each kind as often as the others, however few the stories are
    trip: number % 5 === 0 ? (trips[(number / 5) % trips.length] ?? null) : null,
    regret: random.chance(0.06),
    rejects: random.chance(0.1),
  };
}
