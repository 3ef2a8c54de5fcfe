import { delay } from '../../local/process.ts';
import type { PaymentStart } from '../../sdk/src/index.ts';
import type { ChaosStack } from './chaos-stack.ts';
import { act, start, type Tally } from './payer.ts';
import type { Booked, World } from './people.ts';
import type { Random } from './random.ts';
import { type Story, type Try, writeStory } from './story.ts';

const wave = 120;
const payersAtOnce = 8;
// of all stories told, when the functions are killed; and Postgres once
const functionKills = [0.08, 0.2, 0.33, 0.45, 0.62, 0.74, 0.86, 0.97];
const postgresKill = 0.55;

/** What the clients were told, to be compared with what is there afterwards. */
export interface Told {
  /** Attempts that were answered. */
  attempts: string[];
  postgresAwayMs: number;
}

async function spoilHold({ hold }: Story, booked: Booked, world: World, tally: Tally): Promise<void> {
  if (hold === 'live') return;
  tally.add(`hold: ${hold}`);
  if (hold === 'suspended') await world.suspend(booked);
  else if (hold === 'unlicensed') await world.revokeLicence(booked);
  else if (hold === 'cancelled') await world.cancel(booked);
  else await world.runOut(booked, hold !== 'overdue');
  if (hold === 'stolen' && !(await world.steal(booked))) tally.add('hold: not stolen after all');
}

async function healHold({ hold }: Story, booked: Booked, world: World): Promise<void> {
  if (hold === 'suspended') await world.reinstate(booked);
  if (hold === 'unlicensed') await world.giveLicence(booked);
}

async function travel({ trip }: Story, booked: Booked, world: World, tally: Tally): Promise<void> {
  if (trip === null) return;
  let went = false;
  if (trip === 'suspended') {
    await world.suspend(booked);
    went = await world.cancel(booked);
    await world.reinstate(booked);
  } else {
    went = await world.travel(booked, trip);
  }
  tally.add(went ? `trip: ${trip}` : 'no trip');
}

interface Begun {
  told: Try;
  start: PaymentStart;
}

async function tell(
  stack: ChaosStack,
  story: Story,
  booked: Booked,
  world: World,
  told: Told,
  tally: Tally,
): Promise<Begun[]> {
  const token = await stack.token(booked.payerId);
  const { paymentId } = booked;
  const begun: Begun[] = [];
  const pay = async (one: Begun): Promise<void> => {
    const { provider, reference } = one.start.attempt;
    for (const what of one.told.acts) await act(stack, one.start, what, tally);
    // rails that give nothing back by themselves refuse this
    if (story.rejects) {
      await stack.sandbox(`${provider}/api/refund-verdict`, { reference, verdict: 'reject' });
    }
  };
  for (const [i, one] of story.tries.entries()) {
    const before = begun.at(-1);
    if (story.inTurn && i > 0 && before) await pay(before);
    const order = { paymentId, provider: one.provider, twice: story.doubleStart };
    const started = await start(stack, token, order, tally);
    if (!started) continue;
    told.attempts.push(started.attempt.id);
    begun.push({ told: one, start: started });
  }
  await spoilHold(story, booked, world, tally);
  await delay(story.pauseMs);
  await Promise.all((story.inTurn ? begun.slice(-1) : begun).map(pay));
  await healHold(story, booked, world);
  await travel(story, booked, world, tally);
  if (story.regret && (await world.cancel(booked))) tally.add('cancelled after paying');
  return begun;
}

/** Tells all stories, some at a time, while parts of the stack die. */
export async function runStories(
  stack: ChaosStack,
  world: World,
  payments: number,
  random: Random,
  tally: Tally,
): Promise<Told> {
  const told: Told = { attempts: [], postgresAwayMs: 0 };
  const stories = Array.from({ length: payments }, (_, number) => writeStory(random, number));
  const disasters = [
    ...functionKills.map((share) => ({ share, strike: () => stack.killFunctions().then(() => {}) })),
    {
      share: postgresKill,
      strike: async () => {
        told.postgresAwayMs = await stack.killPostgres();
      },
    },
  ].sort((a, b) => b.share - a.share);
  const striking: Promise<void>[] = [];
  const begun: Begun[] = [];
  let ended = 0;
  const strikeIfDue = (): void => {
    const due = disasters.at(-1);
    if (!due || ended / payments < due.share) return;
    disasters.pop();
    striking.push(due.strike());
  };

  for (let from = 0; from < payments; from += wave) {
    const queue = stories.slice(from, from + wave);
    const booked = await world.book(queue.length);
    let next = 0;
    const payer = async (): Promise<void> => {
      for (let i = next++; i < queue.length; i = next++) {
        const [story, booking] = [queue[i], booked[i]];
        if (!story || !booking) throw new Error(`story ${from + i} has no booking`);
        begun.push(...(await tell(stack, story, booking, world, told, tally)));
        ended += 1;
        strikeIfDue();
      }
    };
    await Promise.all(Array.from({ length: payersAtOnce }, payer));
  }
  await Promise.all(striking);
  await tellAgain(stack, begun, random, tally);
  return told;
}

/** Old notifications come once more, in another order. */
async function tellAgain(stack: ChaosStack, begun: Begun[], random: Random, tally: Tally): Promise<void> {
  // those still under way come first, or are given up
  await delay(3_000);
  const queue = random.shuffle(begun.filter(({ told }) => told.toldAgain !== null));
  const teller = async (): Promise<void> => {
    for (let one = queue.pop(); one; one = queue.pop()) {
      const { provider, reference } = one.start.attempt;
      const answer = await stack.sandbox(`${provider}/api/notify`, { reference, notify: one.told.toldAgain });
      tally.add(answer.status < 400 ? 'told again' : 'nothing to tell again');
    }
  };
  await Promise.all(Array.from({ length: payersAtOnce }, teller));
  await delay(2_000);
}
