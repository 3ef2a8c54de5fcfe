import { randomUUID } from 'node:crypto';
import { createClient } from '@supabase/supabase-js';
import { Journey } from '../sdk/src/index.ts';
import { benchId } from './application.ts';
import { quantile } from './report.ts';
import { userToken } from './tokens.ts';

/** What the bench tells the process that writes. */
export interface LoadOrder {
  /** The Data API by plain requests, or the SDK. */
  by: 'http' | 'sdk';
  url: string;
  publishableKey: string;
  jwtSecret: string;
  /** People who write at once, each in conversations of their own. */
  clients: number;
  people: number;
  conversations: number;
  seconds: number;
}

/** What came of it; latencies in milliseconds. */
export interface LoadResult {
  perSecond: number;
  p50: number;
  p95: number;
  p99: number;
}

const body = 'Is the car still there on Saturday, and can I bring it back a little later?';

type Send = (conversationId: string) => Promise<void>;

async function writer(order: LoadOrder, person: number): Promise<Send> {
  const { url, publishableKey } = order;
  const token = await userToken(order.jwtSecret, benchId('renter', person));
  if (order.by === 'sdk') {
    const client = createClient(url, publishableKey, { accessToken: async () => token });
    const journey = new Journey(client);
    return async (conversationId) => {
      const { error } = await journey.chat.send(conversationId, { body });
      if (error) throw error;
    };
  }
  const headers = {
    apikey: publishableKey,
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  };
  return async (conversation_id) => {
    const text = JSON.stringify({ conversation_id, body, client_message_id: randomUUID() });
    const answer = await fetch(`${url}/rest/v1/rpc/send_message`, { method: 'POST', headers, body: text });
    const said = await answer.text();
    if (!answer.ok) throw new Error(`${answer.status}: ${said}`);
  };
}

async function load(order: LoadOrder): Promise<LoadResult> {
  const sends = await Promise.all(Array.from({ length: order.clients }, (_, i) => writer(order, i)));
  const latencies: number[] = [];
  const rounds = Math.max(1, Math.floor(order.conversations / order.people));
  // What connects and is planned for the first time does not count.
  await Promise.all(sends.map((send, i) => send(benchId('conversation', i))));
  const began = performance.now();
  const until = began + order.seconds * 1000;
  await Promise.all(
    sends.map(async (send, i) => {
      for (let n = 0; performance.now() < until; n++) {
        const before = performance.now();
        await send(benchId('conversation', i + (n % rounds) * order.people));
        latencies.push(performance.now() - before);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  return {
    perSecond: latencies.length / seconds,
    p50: quantile(latencies, 0.5),
    p95: quantile(latencies, 0.95),
    p99: quantile(latencies, 0.99),
  };
}

process.on('message', (order: LoadOrder) => {
  load(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ failed: String(error) }),
  );
});
