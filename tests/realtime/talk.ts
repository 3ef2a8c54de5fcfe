import type { RealtimeChannel } from '@supabase/supabase-js';

/** A subscription's first outcome. */
export interface Outcome {
  status: string;
  message: string | undefined;
}

/** Subscribes, and waits for the first answer. */
export function subscribe(channel: RealtimeChannel): Promise<Outcome> {
  return new Promise((resolve) => {
    channel.subscribe((status, error) => resolve({ status, message: error?.message }));
  });
}

/** Subscribes, and fails unless the server lets us in. */
export async function join(channel: RealtimeChannel): Promise<RealtimeChannel> {
  const { status, message } = await subscribe(channel);
  if (status !== 'SUBSCRIBED') throw new Error(`Could not join ${channel.topic}: ${status} ${message}`);
  return channel;
}

/** A broadcast as the client hands it over. */
export interface Received {
  event: string;
  payload: unknown;
  meta?: { id: string; replayed?: boolean } | undefined;
}

/** Collects all broadcasts of a channel. Call before joining. */
export function collect(channel: RealtimeChannel): Received[] {
  const received: Received[] = [];
  channel.on('broadcast', { event: '*' }, ({ event, payload, meta }) =>
    received.push({ event, payload, meta }),
  );
  return received;
}

/** Collects the server's `system` messages. Call before joining. */
export function collectSystem(channel: RealtimeChannel): { status: string; message: string }[] {
  const received: { status: string; message: string }[] = [];
  channel.on('system', {}, (message) => received.push(message));
  return received;
}

/** Waits until a condition holds; fails with what it last saw. */
export async function until<T>(read: () => T, holds: (value: T) => boolean, timeoutMs = 120_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = read();
    if (holds(value)) return value;
    if (Date.now() > deadline) throw new Error(`Waited in vain; last seen: ${JSON.stringify(value)}`);
    await pause(5);
  }
}

/** Waits long enough for something that must not happen. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
