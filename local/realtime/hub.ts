import type { Broadcast } from './broadcast.ts';

/** A subscriber of a topic: a joined channel. */
export interface Subscriber {
  deliver(broadcast: Broadcast): void;
}

/** The key of a topic. A private and a public topic of the same name are separate. */
export function topicKey(name: string, isPrivate: boolean): string {
  return `${isPrivate ? 'private' : 'public'}:${name}`;
}

/** Subscribers by topic: one look-up per broadcast, however many topics there are. */
export class Hub {
  readonly #topics = new Map<string, Set<Subscriber>>();

  subscribe(key: string, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(key);
    if (subscribers) subscribers.add(subscriber);
    else this.#topics.set(key, new Set([subscriber]));
  }

  unsubscribe(key: string, subscriber: Subscriber): void {
    const subscribers = this.#topics.get(key);
    if (!subscribers?.delete(subscriber)) return;
    if (subscribers.size === 0) this.#topics.delete(key);
  }

  has(key: string): boolean {
    return this.#topics.has(key);
  }

  /** Passes a broadcast to every subscriber of a topic, except its sender. */
  publish(key: string, broadcast: Broadcast, except?: Subscriber): void {
    for (const subscriber of this.#topics.get(key) ?? []) {
      if (subscriber !== except) subscriber.deliver(broadcast);
    }
  }
}
