import type { Random } from './random.ts';

/** What becomes of somebody who waits. */
export type Patience = 'stays' | 'leaves' | 'leaves and joins again' | 'falls silent';

/** What becomes of somebody whose turn it is. */
export type Checkout =
  | 'pays'
  | 'pays after a refusal'
  | 'is refused and gives up'
  | 'orders and abandons it'
  | 'orders and cancels'
  | 'pays too late'
  | 'pays and returns a ticket'
  | 'leaves'
  | 'falls silent';

export interface BuyerStory {
  /** Joins before the opening, and is shuffled. */
  isEarly: boolean;
  patience: Patience;
  /** Classes in the order of preference, by their place in the list. */
  wants: number[];
  quantity: number;
  /** Presses every button twice, on two devices. */
  isTwice: boolean;
}

const deck: readonly (readonly [number, Checkout])[] = [
  [10, 'pays'],
  [2, 'pays after a refusal'],
  [2, 'is refused and gives up'],
  [3, 'orders and abandons it'],
  [1, 'orders and cancels'],
  [2, 'pays too late'],
  [2, 'pays and returns a ticket'],
  [1, 'leaves'],
  [1, 'falls silent'],
];
export const checkouts: readonly Checkout[] = deck.map(([, checkout]) => checkout);

/** Deals what becomes of those whose turn it is, from one shuffled deck after another, so that every kind is met. */
export function dealCheckouts(random: Random): () => Checkout {
  let cards: Checkout[] = [];
  return () => {
    if (cards.length === 0)
      cards = random.shuffle(
        deck.flatMap(([count, checkout]) => Array.from({ length: count }, () => checkout)),
      );
    return cards.pop() ?? 'pays';
  };
}

export function writeBuyer(random: Random): BuyerStory {
  return {
    isEarly: random.chance(0.6),
    patience: random.weighted([
      [88, 'stays'],
      [4, 'leaves'],
      [3, 'leaves and joins again'],
      [5, 'falls silent'],
    ]),
    wants: random.shuffle([0, 0, 0, 1, 1, 2]).filter((kind, i, all) => all.indexOf(kind) === i),
    quantity: random.weighted([
      [5, 1],
      [4, 2],
      [1, 3],
    ]),
    isTwice: random.chance(0.1),
  };
}
